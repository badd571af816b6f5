#include "engine/upkeep/status.h"

#include "engine/poke/figures.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/own_table.h"
#include "pg/table.h"

#include <cmath>

// The Makefile says which version this library is of.
#ifndef REPLICACHE_VERSION
#define REPLICACHE_VERSION "unknown"
#endif

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::Rows;

using Topics = std::vector<Topic>;

// Rows of tables up to this size are counted: that takes less than a millisecond.
constexpr std::int64_t small = 1 << 20;

void add_pokes(Topics& topics) {
    const PokeFigures figures = poke_figures();
    topics.push_back({"pokes_sent", figures.sent, {}});
    topics.push_back({"pokes_waiting", figures.waiting, {}});
    topics.push_back({"pokes_coalesced", figures.coalesced, {}});
    topics.push_back({"pokes_in_transaction", figures.in_transaction, {}});
    topics.push_back({"poke_worker", figures.worker_pid == 0 ? 0 : 1,
                      figures.worker_pid == 0 ? figures.worker : "pid " + std::to_string(figures.worker_pid)});
}

struct Size {
    std::int64_t bytes = 0;           // of the table now, without TOAST
    double tuples = -1;               // by the last VACUUM or ANALYZE
    std::int64_t vacuumed_bytes = 0;  // at that time. 0: there was none
    std::int64_t live = 0;            // tuples, as the statistics of this server count them
};

Size size_of(const char* table) {
    static OwnStatement query(
        R"(
            SELECT pg_catalog.pg_relation_size(oid::pg_catalog.regclass, 'main'),
                reltuples::pg_catalog.float8,
                relpages OPERATOR(pg_catalog.*) pg_catalog.current_setting('block_size')::pg_catalog.int8,
                pg_catalog.pg_stat_get_live_tuples(oid)
            FROM pg_catalog.pg_class
            WHERE oid OPERATOR(pg_catalog.=) $1)",
        {OIDOID});
    const Rows rows = query.run({pg::value(ObjectIdGetDatum(pg::own_relation(table)))});
    if (rows.empty()) throw pg::SqlError(ERRCODE_UNDEFINED_TABLE, "relation \"replicache." + std::string(table) + "\" does not exist");
    return {rows.int8(0, 1), DatumGetFloat8(rows.get(0, 2).datum), rows.int8(0, 3), rows.int8(0, 4)};
}

// The number of rows of a large table.
Topic estimate(const char* topic, const Size& size) {
    // As the planner does it: the table has grown, but its pages are as full as they were.
    if (size.vacuumed_bytes > 0)
        return {topic, std::llround(size.tuples * static_cast<double>(size.bytes) / static_cast<double>(size.vacuumed_bytes)), "estimate"};
    if (size.live > 0) return {topic, size.live, "estimate"};
    return {topic, std::nullopt, "unknown: the table is large, and no VACUUM or ANALYZE has seen it yet"};
}

// A statement for each table, and not one for all with a CASE: PostgreSQL would compile that with JIT, for the cost of counts that are not
// made, and that takes 100 ms.
void add_counts(Topics& topics) {
    static struct {
        const char* topic;
        const char* table;
        OwnStatement count;
    } tables[] = {
        {"spaces", "space", {"SELECT pg_catalog.count(*) FROM replicache.space", {}}},
        {"client_groups", "client_group", {"SELECT pg_catalog.count(*) FROM replicache.client_group", {}}},
        {"clients", "client", {"SELECT pg_catalog.count(*) FROM replicache.client", {}}},
        {"upload_clients", "upload_client", {"SELECT pg_catalog.count(*) FROM replicache.upload_client", {}}},
        {"forgotten_clients", "forgotten_client", {"SELECT pg_catalog.count(*) FROM replicache.forgotten_client", {}}},
        {"tombstones", "tombstone", {"SELECT pg_catalog.count(*) FROM replicache.tombstone", {}}},
        {"creations", "creation", {"SELECT pg_catalog.count(*) FROM replicache.creation", {}}},
        {"mutation_errors", "mutation_error", {"SELECT pg_catalog.count(*) FROM replicache.mutation_error", {}}},
        {"view_records", "view_record", {"SELECT pg_catalog.count(*) FROM replicache.view_record", {}}},
    };
    for (auto& [topic, table, count] : tables) {
        const Size size = size_of(table);
        topics.push_back(size.bytes <= small ? Topic{topic, count.run({}).int8(0, 1), {}} : estimate(topic, size));
    }
}

// Spaces on their way to another server, and those that have arrived there.
void add_moves(Topics& topics) {
    static OwnStatement held("SELECT pg_catalog.count(*) FROM replicache.space WHERE held IS NOT NULL", {});
    static OwnStatement moved("SELECT pg_catalog.count(*) FROM replicache.moved_space", {});
    if (!pg::Table::exists("moved_space")) return;  // before ALTER EXTENSION … UPDATE from 0.5.0
    topics.push_back(size_of("space").bytes <= small ? Topic{"spaces_held", held.run({}).int8(0, 1), {}}
                                                     : Topic{"spaces_held", std::nullopt, "unknown: there are many spaces"});
    const Size size = size_of("moved_space");
    topics.push_back(size.bytes <= small ? Topic{"spaces_moved", moved.run({}).int8(0, 1), {}} : estimate("spaces_moved", size));
}

void add_view_bytes(Topics& topics) {
    static OwnStatement query("SELECT pg_catalog.pg_total_relation_size('replicache.view_record'::pg_catalog.regclass)", {});
    topics.push_back({"view_record_bytes", query.run({}).int8(0, 1), "on disk, with indexes and TOAST"});
}

// Seconds since a time. Clocks may have been set back.
std::string seconds_since(const std::string& time) {
    return "CASE WHEN " + time + " OPERATOR(pg_catalog.>=) pg_catalog.clock_timestamp() THEN 0 ELSE pg_catalog.floor(" +
           "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) " + time + "))::pg_catalog.int8 END";
}

// No index has the time when a client was seen: each push would have to update it. So of a large table, it is known when no client had
// been idle for longer, by the last collection. A client that was idle then may have pushed since.
void add_collection(Topics& topics) {
    static const std::string sql = "SELECT " + seconds_since("g.at") +
                                   R"(, pg_catalog.to_char(pg_catalog.timezone('UTC', g.at), 'YYYY-MM-DD HH24:MI:SS "UTC"'), )" +
                                   seconds_since("g.oldest_client") + " FROM replicache.garbage_collection g ORDER BY g.at DESC LIMIT 1";
    static OwnStatement query(sql.c_str(), {});
    static const std::string clients_sql = "SELECT " + seconds_since("pg_catalog.min(last_seen)") + " FROM replicache.client";
    static OwnStatement query_clients(clients_sql.c_str(), {});
    const char* const idle = "oldest_idle_client_seconds";
    const Rows last = query.run({});
    if (size_of("client").bytes <= small) {
        const pg::Value oldest = query_clients.run({}).get(0, 1);
        topics.push_back(oldest.null ? Topic{idle, std::nullopt, "there are no clients"} : Topic{idle, DatumGetInt64(oldest.datum), {}});
    } else if (last.empty())
        topics.push_back({idle, std::nullopt, "unknown: there are many clients, and collect_garbage has not run yet"});
    else
        topics.push_back({idle, last.int8(0, 3), "at most, by the last garbage collection"});
    const char* const collection = "last_garbage_collection_seconds";
    topics.push_back(last.empty() ? Topic{collection, std::nullopt, "never"}
                                  : Topic{collection, last.int8(0, 1), last.text(0, 2).value_or("")});
}

void add_tracking(Topics& topics) {
    static OwnStatement query("SELECT pg_catalog.count(*) FROM replicache.tracked_table", {});
    topics.push_back({"tracked_tables", query.run({}).int8(0, 1), {}});
    Topic faults{"tracking_faults", 0, {}};
    try {
        check_tracking();
    } catch (const pg::SqlError& fault) {  // of our own: the transaction is not broken
        faults.value = 1;
        faults.details = fault.message + (fault.hint.empty() ? "" : ". " + fault.hint);
    }
    topics.push_back(std::move(faults));
}

void add_version(Topics& topics) {
    static OwnStatement query(
        R"(
            SELECT extversion
            FROM pg_catalog.pg_extension
            WHERE extname OPERATOR(pg_catalog.=) 'replicache_ext')",
        {});
    const std::string library = REPLICACHE_VERSION, extension = query.run({}).text(0, 1).value_or("");
    topics.push_back({"version_mismatch", extension == library ? 0 : 1, "extension " + extension + ", library " + library});
}

}  // namespace

std::vector<Topic> status() {
    const pg::SpiConnection spi;
    Topics topics;
    add_pokes(topics);
    add_counts(topics);
    add_moves(topics);
    add_view_bytes(topics);
    add_collection(topics);
    add_tracking(topics);
    add_version(topics);
    return topics;
}

}  // namespace replicache::engine
