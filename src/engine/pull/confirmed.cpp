#include "engine/pull/confirmed.h"

#include "engine/session/client.h"
#include "pg/hash.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::TableScan;

TableScan clients_of(const std::string& group) {
    return {"client", "client_client_group_id_idx", {{client_column::group, TEXTOID, TableScan::Is::equal, pg::text_datum(group)}}};
}

}  // namespace

std::int64_t last_mutation_id(const std::optional<std::string>& group, const std::string& client) {
    pg::Table table("client", pg::Table::Access::read);
    if (!table.find(client)) return 0;
    if (table.text(client_column::group) != group) refuse_client(client);
    return table.int8(client_column::last_mutation_id);
}

std::string append_last_mutation_ids(PullAnswer& answer, const std::string& group, const Progress& progress, bool all) {
    std::vector<std::pair<std::string, std::int64_t>> changed;
    std::pair<std::string, std::int64_t> last;
    MutationRank newest{};
    TableScan clients = clients_of(group);
    while (clients.next()) {
        const std::int64_t version = clients.int8(client_column::version), id = clients.int8(client_column::last_mutation_id);
        const MutationRank rank = mutation_rank(progress, version);
        if (rank > newest || (rank == newest && clients.text(client_column::id) > last.first)) {
            newest = rank;
            last = {clients.text(client_column::id), id};
        }
        if (all || progress.versions.contain(version)) changed.emplace_back(clients.text(client_column::id), id);
    }
    std::sort(changed.begin(), changed.end());
    for (const auto& [client, id] : changed) answer.append_last_mutation_id(client, id);
    return last.first.empty() ? std::string() : confirmed_text(group, last.first, last.second);
}

std::string confirmed_text(std::string_view group, std::string_view client, std::int64_t id) {
    return pg::hex_hash(group) + "-" + pg::hex_hash(client) + "-" + std::to_string(id);
}

bool knows_confirmed(const std::string& group, std::string_view confirmed) {
    const std::size_t first = confirmed.find('-'), second = confirmed.rfind('-');
    if (first == second || confirmed.substr(0, first) != pg::hex_hash(group)) return true;  // it confirms nothing, or is of another group
    std::int64_t theirs = 0;
    std::from_chars(confirmed.data() + second + 1, confirmed.data() + confirmed.size(), theirs);
    TableScan clients = clients_of(group);
    while (clients.next())
        if (clients.int8(client_column::last_mutation_id) >= theirs &&
            pg::hex_hash(clients.text(client_column::id)) == confirmed.substr(first + 1, second - first - 1))
            return true;
    return false;
}

}  // namespace replicache::engine
