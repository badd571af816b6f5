#include "engine/sync_paging.h"

#include "pg/array.h"

namespace replicache::engine {
namespace {

using pg::Rows;
using pg::OwnStatement;
using pg::value;

// What the pages depend on.
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

}  // namespace

VersionRange Paging::range(std::int64_t page) const {
    const auto line = [this](std::int64_t n) { return n < static_cast<std::int64_t>(lines.size()) ? lines[n] : head; };
    return {line(page - 1), line(page)};
}

std::optional<Paging> begin_paging(const SyncPull& pull, const std::string& user, VersionRange everything) {
    if (XactReadOnly || RecoveryInProgress()) return std::nullopt;
    // One that was begun an hour ago is over; but what it has shown has been seen.
    static OwnStatement begin(
        "INSERT INTO replicache.paging AS p (space, name, first_head, head, lines) VALUES ($1, $2, $3, $3, ARRAY[$4]) "
        "ON CONFLICT (space, name) DO UPDATE SET head = GREATEST(p.head, excluded.head), "
        "lines = CASE WHEN p.began OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval) THEN p.lines ELSE excluded.lines END, "
        "began = CASE WHEN p.began OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval) THEN p.began ELSE pg_catalog.now() END "
        "RETURNING head, lines",
        {TEXTOID, TEXTOID, INT8OID, INT8OID});
    return read(begin.run({value(user), value(name_of(pull)), value(everything.until), value(everything.since)}));
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

void note_read_ahead(const std::string& user, std::int64_t since, std::int64_t head) {
    static OwnStatement note(
        "INSERT INTO replicache.paging AS p (space, name, first_head, head, lines) VALUES ($1, 'push', $2, $3, '{}') "
        "ON CONFLICT (space, name) DO UPDATE SET first_head = LEAST(p.first_head, excluded.first_head), head = GREATEST(p.head, excluded.head)",
        {TEXTOID, INT8OID, INT8OID});
    const pg::SpiConnection spi;
    note.run({value(user), value(since), value(head)});
}

std::int64_t read_ahead(const std::string& user, std::int64_t since) {
    static OwnStatement query(
        "SELECT pg_catalog.max(head) FROM replicache.paging WHERE space OPERATOR(pg_catalog.=) $1 AND first_head OPERATOR(pg_catalog.<=) $2",
        {TEXTOID, INT8OID});
    const pg::Value head = query.run({value(user), value(since)}, pg::Snapshot::active).get(0, 1);
    return head.null ? no_head : DatumGetInt64(head.datum);
}

}  // namespace replicache::engine
