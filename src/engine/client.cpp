#include "engine/client.h"

#include "pg/array.h"

namespace replicache::engine {
namespace {

using pg::AsOwner;
using pg::Rows;
using pg::Snapshot;
using pg::SpiConnection;
using pg::SqlError;
using pg::Statement;
using pg::value;

[[noreturn]] void not_yours(const std::string& what) {
    throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, what, {}, "Nothing was processed.");
}

}  // namespace

void refuse_client(const std::string& id) { not_yours("client \"" + id + "\" belongs to another client group"); }

bool check_group(const ClientGroup& group, bool lock, Snapshot snapshot) {
    static Statement plain("SELECT user_id, space FROM replicache.client_group WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID});
    static Statement locking(
        "SELECT user_id, space FROM replicache.client_group WHERE id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE", {TEXTOID});
    const SpiConnection spi;
    const AsOwner owner;
    const Rows row = (lock ? locking : plain).run({value(group.id)}, snapshot);
    if (row.empty()) return false;
    if (row.text(0, 1) != group.user_id) not_yours("client group \"" + group.id + "\" belongs to another user");
    if (row.text(0, 2) != group.space) not_yours("client group \"" + group.id + "\" belongs to another space");
    return true;
}

void create_group(const ClientGroup& group) {
    static Statement insert(
        "INSERT INTO replicache.client_group (id, user_id, space) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        {TEXTOID, TEXTOID, TEXTOID});
    const SpiConnection spi;
    const AsOwner owner;
    const Rows rows = insert.run({value(group.id), value(group.user_id), value(group.space)});
    if (rows.count() == 0 && !check_group(group, true, Snapshot::fresh))
        throw SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
}

std::unordered_map<std::string, Client> lock_clients(const std::string& group, const std::vector<std::string>& ids) {
    static Statement select(
        "SELECT id, client_group_id, last_mutation_id FROM replicache.client "
        "WHERE id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY id FOR NO KEY UPDATE",
        {TEXTARRAYOID});
    std::unordered_map<std::string, Client> clients;
    for (const std::string& id : ids) clients.try_emplace(id, Client{.id = id});
    const SpiConnection spi;
    const AsOwner owner;
    const Rows rows = select.run({value(pg::text_array(ids))});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        Client& client = clients.at(*rows.text(i, 1));
        if (rows.text(i, 2) != group) refuse_client(client.id);
        client.known = true;
        client.last_mutation_id = rows.int8(i, 3);
    }
    return clients;
}

void store_clients(const std::string& group, const std::unordered_map<std::string, Client>& clients, std::int64_t version) {
    static Statement upsert(
        "INSERT INTO replicache.client AS c (id, client_group_id, last_mutation_id, version, last_seen) "
        "SELECT u.id, $2, u.last_mutation_id, $4, pg_catalog.now() FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($3)) "
        "AS u(id, last_mutation_id) ON CONFLICT (id) DO UPDATE SET last_mutation_id = excluded.last_mutation_id, "
        "version = excluded.version, last_seen = excluded.last_seen "
        "WHERE c.client_group_id OPERATOR(pg_catalog.=) excluded.client_group_id",
        {TEXTARRAYOID, TEXTOID, INT8ARRAYOID, INT8OID});
    std::vector<std::string> ids;
    std::vector<std::int64_t> last_mutation_ids;
    for (const auto& [id, client] : clients) {
        if (!client.changed) continue;
        ids.push_back(id);
        last_mutation_ids.push_back(client.last_mutation_id);
    }
    if (ids.empty()) return;
    const SpiConnection spi;
    const AsOwner owner;
    const Rows rows = upsert.run({value(pg::text_array(ids)), value(group),
                                  value(pg::int8_array(last_mutation_ids)), value(version)});
    // A new client that another space's push has created for another group at the same moment.
    if (rows.count() != ids.size()) not_yours("a client of the push belongs to another client group");
}

}  // namespace replicache::engine
