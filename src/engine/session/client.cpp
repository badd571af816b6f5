#include "engine/session/client.h"

#include "engine/table/canonical_space.h"
#include "pg/array.h"
#include "pg/memory.h"
#include "pg/own_table.h"
#include "pg/table.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::Rows;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;
using Access = pg::Table::Access;

[[noreturn]] void not_yours(const std::string& what, const char* hint) {
    throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, what, "Nothing was processed.", hint);
}

constexpr const char* send_with_its_group = "Send the mutations of a client with its own client group.";

void insert_clients(const std::string& group, std::span<const Clients::value_type* const> clients, std::int64_t version) {
    const pg::ScratchContext scratch;
    static OwnStatement insert(
        R"(
            INSERT INTO replicache.client (id, client_group_id, last_mutation_id, version, last_seen)
            SELECT u.id, $2, u.last_mutation_id, $4, pg_catalog.now()
            FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($3)) AS u(id, last_mutation_id)
            ON CONFLICT DO NOTHING)",
        {TEXTARRAYOID, TEXTOID, INT8ARRAYOID, INT8OID});
    std::vector<std::string> ids;
    std::vector<std::int64_t> last_mutation_ids;
    for (const auto* client : clients) {
        ids.emplace_back(client->first);
        last_mutation_ids.push_back(client->second.last_mutation_id);
    }
    const SpiConnection spi;
    const Rows rows = insert.run({value(pg::text_array(ids)), value(group), value(pg::int8_array(last_mutation_ids)), value(version)});
    // Another space's push has created one of them for another group at the same moment.
    if (rows.count() != ids.size()) not_yours("a client of the push belongs to another client group", send_with_its_group);
}

bool is_forgotten(std::string_view id) {
    constexpr const char* table = "forgotten_client";
    return pg::Table::exists(table) && pg::Table(table, Access::read).find_latest(id);
}

}  // namespace

void refuse_client(const std::string& id) { not_yours("client \"" + id + "\" belongs to another client group", send_with_its_group); }

void check_user(const ClientGroup& group, const std::optional<std::string>& recorded) {
    if (recorded != group.user_id)
        not_yours("client group \"" + group.id + "\" belongs to another user", "Pass the user that the client group belongs to.");
}

void check_space(const ClientGroup& group, const std::string& recorded) {
    // One may be from before spaces had one text each.
    if (recorded != group.space && canonical_space(recorded) != group.space)
        not_yours("client group \"" + group.id + "\" belongs to another space", "Pass the space that the client group belongs to.");
}

std::optional<std::string> check_group(const ClientGroup& group, GroupAccess access) {
    const bool lock = access == GroupAccess::lock;
    pg::Table table("client_group", lock ? Access::write : Access::read);
    if (!(lock ? table.lock(group.id) : table.find(group.id))) return std::nullopt;
    if (access != GroupAccess::read_as_any_user) check_user(group, table.text(group_column::user_id));
    const std::string space = pg::required(table.text(group_column::space));
    check_space(group, space);
    return space;
}

void store_space(const ClientGroup& group) {
    static OwnStatement update("UPDATE replicache.client_group SET space = $2 WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID, TEXTOID});
    const SpiConnection spi;
    update.run({value(group.id), value(group.space)});
}

bool create_group(const ClientGroup& group) {
    static OwnStatement insert("INSERT INTO replicache.client_group (id, user_id, space) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                               {TEXTOID, TEXTOID, TEXTOID});
    const SpiConnection spi;
    return insert.run({value(group.id), value(group.user_id), value(group.space)}).count() > 0;
}

void delete_group(const ClientGroup& group) {
    static OwnStatement remove("DELETE FROM replicache.client_group WHERE id OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const SpiConnection spi;
    remove.run({value(group.id)});
}

Clients lock_clients(const std::string& group, const std::vector<std::string_view>& ids) {
    Clients clients;
    clients.reserve(ids.size());
    pg::Table table("client", Access::write);
    const MemoryContext home = CurrentMemoryContext;
    pg::ScratchContext scratch;
    for (const std::string_view id : ids) {
        scratch.reset();
        Client& client = clients[id];
        if (!table.lock(id)) {
            client.forgotten = is_forgotten(id);
            continue;
        }
        if (table.text(client_column::group) != group) refuse_client(std::string(id));
        client.row = table.copy_row(home);
        client.last_mutation_id = client.last_planned_id = table.int8(client_column::last_mutation_id);
    }
    return clients;
}

void store_clients(const std::string& group, const Clients& clients, std::int64_t version) {
    pg::Table table("client", Access::write);
    std::vector<const Clients::value_type*> created;
    for (const auto& entry : clients) {
        const Client& client = entry.second;
        if (!client.changed) continue;
        if (client.row == nullptr) {
            created.push_back(&entry);
            continue;
        }
        table.update(client.row,
                     {{client_column::last_mutation_id, Int64GetDatum(client.last_mutation_id)},
                      {client_column::version, Int64GetDatum(version)},
                      {client_column::last_seen, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())}},
                     CurrentMemoryContext);
    }
    pg::in_parts(std::span<const Clients::value_type* const>(created), [&](auto part) { insert_clients(group, part, version); });
}

}  // namespace replicache::engine
