#include "engine/upkeep/status.h"

#include "engine/poke/figures.h"
#include "engine/tracking/tracking_faults.h"

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
const std::string small = "1048576::pg_catalog.int8";

std::string size_of(const std::string& table) {
    return "pg_catalog.pg_relation_size('replicache." + table + "'::pg_catalog.regclass, 'main')";
}

void add_pokes(Topics& topics) {
    const PokeFigures figures = poke_figures();
    topics.push_back({"pokes_sent", figures.sent, {}});
    topics.push_back({"pokes_waiting", figures.waiting, {}});
    topics.push_back({"pokes_coalesced", figures.coalesced, {}});
    topics.push_back({"pokes_in_transaction", figures.in_transaction, {}});
    topics.push_back({"poke_worker", figures.worker_pid == 0 ? 0 : 1,
                      figures.worker_pid == 0 ? figures.worker : "pid " + std::to_string(figures.worker_pid)});
}

constexpr struct {
    const char* topic;
    const char* table;
} counted[] = {
    {"spaces", "space"},
    {"client_groups", "client_group"},
    {"clients", "client"},
    {"upload_clients", "upload_client"},
    {"forgotten_clients", "forgotten_client"},
    {"tombstones", "tombstone"},
    {"creations", "creation"},
    {"mutation_errors", "mutation_error"},
    {"view_records", "view_record"},
};

// A row for each table: its number in the list; what is counted, or null; rows and pages at the last VACUUM or ANALYZE; pages now; and how
// many rows the statistics of this server count. A subquery runs only if its CASE needs it.
std::string counts_sql() {
    std::string sql;
    for (std::size_t i = 0; i < std::size(counted); ++i) {
        const std::string name = counted[i].table;
        sql += i == 0 ? "" : " UNION ALL ";
        sql += "SELECT " + std::to_string(i) + ", CASE WHEN s.bytes OPERATOR(pg_catalog.<=) " + small +
               " THEN (SELECT pg_catalog.count(*) FROM replicache." + name + R"() END,
                c.reltuples::pg_catalog.float8,
                c.relpages::pg_catalog.int8,
                s.bytes OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8,
                pg_catalog.pg_stat_get_live_tuples(c.oid)
            FROM pg_catalog.pg_class c,
                (SELECT )" +
               size_of(name) + R"( AS bytes) s
            WHERE c.oid OPERATOR(pg_catalog.=) 'replicache.)" +
               name + "'::pg_catalog.regclass::pg_catalog.oid";
    }
    return sql + " ORDER BY 1";
}

// The number of rows of a large table.
Topic estimate(const char* topic, double tuples, std::int64_t vacuumed_pages, std::int64_t pages, std::int64_t live) {
    // As the planner does it: the table has grown, but its pages are as full as they were.
    if (vacuumed_pages > 0)
        return {topic, std::llround(tuples / static_cast<double>(vacuumed_pages) * static_cast<double>(pages)), "estimate"};
    if (live > 0) return {topic, live, "estimate"};
    return {topic, std::nullopt, "unknown: the table is large, and no VACUUM or ANALYZE has seen it yet"};
}

void add_counts(Topics& topics) {
    static const std::string sql = counts_sql();
    static OwnStatement query(sql.c_str(), {});
    const Rows rows = query.run({});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const char* const topic = counted[DatumGetInt32(rows.get(i, 1).datum)].topic;
        const pg::Value count = rows.get(i, 2);
        topics.push_back(count.null
                             ? estimate(topic, DatumGetFloat8(rows.get(i, 3).datum), rows.int8(i, 4), rows.int8(i, 5), rows.int8(i, 6))
                             : Topic{topic, DatumGetInt64(count.datum), {}});
    }
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
    static const std::string clients_sql = "SELECT CASE WHEN small THEN (SELECT " + seconds_since("pg_catalog.min(last_seen)") +
                                           " FROM replicache.client) END, small FROM (SELECT " + size_of("client") +
                                           " OPERATOR(pg_catalog.<=) " + small + " AS small) s";
    static OwnStatement query_clients(clients_sql.c_str(), {});
    const Rows last = query.run({});
    const Rows clients = query_clients.run({});
    const pg::Value oldest = clients.get(0, 1);
    const char* const idle = "oldest_idle_client_seconds";
    if (DatumGetBool(clients.get(0, 2).datum))
        topics.push_back(oldest.null ? Topic{idle, std::nullopt, "there are no clients"} : Topic{idle, DatumGetInt64(oldest.datum), {}});
    else if (last.empty())
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
    add_view_bytes(topics);
    add_collection(topics);
    add_tracking(topics);
    add_version(topics);
    return topics;
}

}  // namespace replicache::engine
