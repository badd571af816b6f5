#include "engine/last_mutation_at/paging.h"

#include "pg/array.h"

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::Rows;
using pg::value;

// The settings of a pull that its pages depend on, as one text.
std::string name_of(const SyncPull& pull) {
    std::string name = std::to_string(pull.since) + "/" + std::to_string(pull.limit);
    if (pull.resources) {
        std::vector<std::string> resources = *pull.resources;
        std::sort(resources.begin(), resources.end());
        for (const std::string& resource : resources) name += "\n" + resource;
    }
    return name;
}

Paging read(const Rows& rows) {
    Paging paging{.head = rows.int8(0, 1), .lines = {}};
    for (const std::int64_t line : pg::int8_elements(rows.get(0, 2).datum)) paging.lines.push_back(line);
    return paging;
}

constexpr int max_pagings = 16;  // of a user
constexpr std::size_t max_lines = 1000;

// SQL: removes pagings. It keeps a note of what their pages have shown: rows up to `head`, to clients that go on from `first_head`.
std::string forget(const std::string& condition) {
    return R"(
        WITH over AS (
            SELECT space, name FROM replicache.paging p
            WHERE name OPERATOR(pg_catalog.<>) 'push' AND )" +
           condition + R"(
            FOR UPDATE SKIP LOCKED),
        gone AS (
            DELETE FROM replicache.paging p USING over
            WHERE p.space OPERATOR(pg_catalog.=) over.space AND p.name OPERATOR(pg_catalog.=) over.name
            RETURNING p.*)
        INSERT INTO replicache.paging AS p (space, name, first_head, head, lines)
        SELECT space, 'push', pg_catalog.min(first_head), pg_catalog.max(head), '{}' FROM gone
        WHERE head OPERATOR(pg_catalog.>) first_head
        GROUP BY space ORDER BY space
        ON CONFLICT (space, name) DO UPDATE SET
            first_head = LEAST(p.first_head, excluded.first_head), head = GREATEST(p.head, excluded.head))";
}

// Makes place for one more.
void forget_pagings(const std::string& user, const std::string& name) {
    static const std::string sql = forget(R"(
            space OPERATOR(pg_catalog.=) $1 AND name OPERATOR(pg_catalog.<>) $2
            AND (began OPERATOR(pg_catalog.<=) (pg_catalog.now() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval)
                OR name OPERATOR(pg_catalog.<>) ALL (ARRAY(
                    SELECT name FROM replicache.paging
                    WHERE space OPERATOR(pg_catalog.=) $1
                        AND name OPERATOR(pg_catalog.<>) $2 AND name OPERATOR(pg_catalog.<>) 'push'
                    ORDER BY began DESC, name LIMIT $3))))");
    static OwnStatement make_place(sql.c_str(), {TEXTOID, TEXTOID, INT8OID});
    make_place.run({value(user), value(name), value(Int64GetDatum(max_pagings - 1))});
}

}  // namespace

void Paging::draw(const std::vector<std::int64_t>& versions, std::int64_t limit) {
    const std::size_t room = lines.size() < max_lines ? max_lines - lines.size() : 0;
    const std::size_t step = room == 0 ? versions.size() : std::max<std::size_t>(limit, versions.size() / (room + 1) + 1);
    for (std::size_t i = step; i < versions.size(); i += step) {
        while (i < versions.size() && versions[i] == versions[i - 1]) ++i;
        if (i < versions.size()) lines.push_back(versions[i - 1]);
    }
}

VersionRange Paging::range(std::int64_t page) const {
    const auto line = [this](std::int64_t n) { return n < static_cast<std::int64_t>(lines.size()) ? lines[n] : head; };
    return {line(page - 1), line(page)};
}

std::optional<Paging> begin_paging(const SyncPull& pull, const std::string& user, VersionRange everything) {
    if (XactReadOnly || RecoveryInProgress()) return std::nullopt;
    // A paging that was begun an hour ago is over, but its pages have been seen.
    static OwnStatement begin(R"(
        INSERT INTO replicache.paging AS p (space, name, first_head, head, lines) VALUES ($1, $2, $3, $3, ARRAY[$4])
        ON CONFLICT (space, name) DO UPDATE SET
            head = GREATEST(p.head, excluded.head),
            lines = CASE
                WHEN p.began OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval)
                THEN p.lines ELSE excluded.lines END,
            began = CASE
                WHEN p.began OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval)
                THEN p.began ELSE pg_catalog.now() END
        RETURNING head, lines)",
                              {TEXTOID, TEXTOID, INT8OID, INT8OID});
    const std::string name = name_of(pull);
    forget_pagings(user, name);
    return read(begin.run({value(user), value(name), value(everything.until), value(everything.since)}));
}

void store_paging(const SyncPull& pull, const std::string& user, const Paging& paging) {
    static OwnStatement update(
        "UPDATE replicache.paging SET lines = $3 WHERE space OPERATOR(pg_catalog.=) $1 AND name OPERATOR(pg_catalog.=) $2",
        {TEXTOID, TEXTOID, INT8ARRAYOID});
    update.run({value(user), value(name_of(pull)), value(pg::int8_array(paging.lines))});
}

std::optional<Paging> find_paging(const SyncPull& pull, const std::string& user) {
    static OwnStatement query(
        "SELECT head, lines FROM replicache.paging WHERE space OPERATOR(pg_catalog.=) $1 AND name OPERATOR(pg_catalog.=) $2",
        {TEXTOID, TEXTOID});
    const Rows rows = query.run({value(user), value(name_of(pull))}, pg::Snapshot::active);
    return rows.empty() ? std::nullopt : std::optional(read(rows));
}

void collect_pagings(pg::Value cutoff) {
    static const std::string sql =
        forget("began OPERATOR(pg_catalog.<=) LEAST($1, pg_catalog.now() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval)");
    static OwnStatement collect(sql.c_str(), {TIMESTAMPTZOID});
    collect.run({cutoff});
}

void note_read_ahead(const std::string& user, std::int64_t since, std::int64_t head) {
    static OwnStatement note(R"(
        INSERT INTO replicache.paging AS p (space, name, first_head, head, lines) VALUES ($1, 'push', $2, $3, '{}')
        ON CONFLICT (space, name) DO UPDATE SET
            first_head = LEAST(p.first_head, excluded.first_head), head = GREATEST(p.head, excluded.head))",
                             {TEXTOID, INT8OID, INT8OID});
    const pg::SpiConnection spi;
    note.run({value(user), value(since), value(head)});
}

std::int64_t read_ahead(const std::string& user, std::int64_t since) {
    static OwnStatement query(R"(
        SELECT pg_catalog.max(head) FROM replicache.paging
        WHERE space OPERATOR(pg_catalog.=) $1 AND first_head OPERATOR(pg_catalog.<=) $2)",
                              {TEXTOID, INT8OID});
    const pg::Value head = query.run({value(user), value(since)}, pg::Snapshot::active).get(0, 1);
    return head.null ? no_head : DatumGetInt64(head.datum);
}

}  // namespace replicache::engine
