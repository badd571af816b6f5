#include "engine/pull/client_groups.h"

#include "engine/pull/confirmed.h"
#include "engine/session/client.h"
#include "pg/many_rows.h"

#include <numeric>

namespace replicache::engine {
namespace {

using pg::ManyRows;

constexpr const char* clients_of_group = "client_client_group_id_idx";

// A client's id, by its place in the ids of all clients.
struct Place {
    std::size_t begin = 0, length = 0;
};

struct Changed {
    std::size_t group;
    Place client;
    std::int64_t last_mutation_id;
};

struct Last {
    MutationRank rank{};
    Place client{};
    std::int64_t last_mutation_id = 0;
};

}  // namespace

ClientGroups::ClientGroups(std::span<const std::string_view> ids, const std::optional<std::string>& user_id, const std::string& space)
    : ids_(ids), is_renamed_(ids_.texts().size()) {
    struct Other {
        std::size_t number;
        std::optional<std::string> user_id;
        std::string space;
        bool operator<(const Other& other) const { return number < other.number; }
    };
    std::vector<Other> others;
    const ManyRows::Find find = [this](std::string_view id) { return ids_.find(id); };
    ManyRows groups("client_group", "client_group_pkey", 1, ids_.texts(), find);
    while (groups.next()) {
        const bool has_user = !groups.is_null(group_column::user_id);
        const std::string_view its_space = groups.text(group_column::space);
        if (its_space == space && (!user_id || (has_user && groups.text(group_column::user_id) == *user_id))) continue;
        others.push_back({groups.number(), has_user ? std::optional<std::string>(groups.text(group_column::user_id)) : std::nullopt,
                          std::string(its_space)});
    }
    std::sort(others.begin(), others.end());
    for (const Other& other : others) {
        const ClientGroup group{std::string(ids_.texts()[other.number]), user_id, space};
        if (user_id) check_user(group, other.user_id);
        check_space(group, other.space);
        is_renamed_[other.number] = other.space != space;
    }
}

// The numbers of groups of which a client has news, in order. Mostly they are few, and of the others only versions are read.
std::vector<std::size_t> ClientGroups::with_news(const Progress& progress, bool all) const {
    std::vector<std::size_t> groups;
    if (all) {
        groups.resize(ids_.texts().size());
        std::iota(groups.begin(), groups.end(), std::size_t{0});
        return groups;
    }
    const ManyRows::Find find = [this](std::string_view id) { return ids_.find(id); };
    ManyRows clients("client", clients_of_group, client_column::group, ids_.texts(), find);
    while (clients.next())
        if (is_news(clients.number(), clients.int8(client_column::version), progress)) groups.push_back(clients.number());
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

bool ClientGroups::append_news(PullAnswer& answer, const Progress& progress, bool all) const {
    const std::vector<std::size_t> groups = with_news(progress, all);
    std::vector<std::string_view> ids;
    std::vector<std::ptrdiff_t> places(groups.empty() ? 0 : ids_.texts().size(), -1);  // of the groups in these two
    for (const std::size_t group : groups) {
        places[group] = static_cast<std::ptrdiff_t>(ids.size());
        ids.push_back(ids_.texts()[group]);
    }
    std::string client_ids;
    const auto id_at = [&client_ids](const Place& place) { return std::string_view(client_ids).substr(place.begin, place.length); };
    std::vector<Changed> changed;
    std::vector<Last> last(groups.size());
    if (!groups.empty()) {
        const ManyRows::Find find = [&](std::string_view id) {
            const std::ptrdiff_t number = ids_.find(id);
            return number < 0 ? number : places[static_cast<std::size_t>(number)];
        };
        ManyRows clients("client", clients_of_group, client_column::group, ids, find);
        while (clients.next()) {
            const std::int64_t version = clients.int8(client_column::version);
            const MutationRank rank = mutation_rank(progress, version);
            const std::string_view client = clients.text(client_column::id);
            Last& newest = last[clients.number()];
            const bool is_newest = rank > newest.rank || (rank == newest.rank && client > id_at(newest.client));
            const bool is_changed = all || is_news(groups[clients.number()], version, progress);
            if (!is_newest && !is_changed) continue;
            const Place place{client_ids.size(), client.size()};
            client_ids += client;
            const std::int64_t last_mutation_id = clients.int8(client_column::last_mutation_id);
            if (is_newest) newest = {rank, place, last_mutation_id};
            if (is_changed) changed.push_back({clients.number(), place, last_mutation_id});
        }
    }
    std::sort(changed.begin(), changed.end(), [&](const Changed& a, const Changed& b) {
        return a.group != b.group ? a.group < b.group : id_at(a.client) < id_at(b.client);
    });
    answer.begin_confirmed();
    for (std::size_t i = 0; i < changed.size(); ++i) {
        const std::size_t group = changed[i].group;
        if (i > 0 && changed[i - 1].group == group) continue;
        answer.append_confirmed(ids[group], confirmed_text(ids[group], id_at(last[group].client), last[group].last_mutation_id));
    }
    answer.end_confirmed();
    answer.append(",");
    answer.begin_last_mutation_ids();
    for (std::size_t i = 0; i < changed.size(); ++i) {
        const auto& [group, client, id] = changed[i];
        if (i == 0 || changed[i - 1].group != group) answer.begin_group(ids[group]);
        answer.append_last_mutation_id(id_at(client), id);
        if (i + 1 == changed.size() || changed[i + 1].group != group) answer.end_group();
    }
    answer.end_last_mutation_ids();
    return !changed.empty();
}

void ClientGroups::append_nothing(PullAnswer& answer) {
    answer.begin_confirmed();
    answer.end_confirmed();
    answer.append(",");
    answer.begin_last_mutation_ids();
    answer.end_last_mutation_ids();
}

}  // namespace replicache::engine
