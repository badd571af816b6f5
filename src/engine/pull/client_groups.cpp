#include "engine/pull/client_groups.h"

#include "engine/pull/confirmed.h"
#include "engine/session/client.h"
#include "pg/many_rows.h"

namespace replicache::engine {
namespace {

using pg::ManyRows;

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

ClientGroups::ClientGroups(std::span<const std::string_view> ids, const std::optional<std::string>& user_id, const std::string& space) {
    ids_.reserve(ids.size());
    numbers_.reserve(ids.size(), ids.empty() ? 0 : ids.size() * ids.front().size());
    for (const std::string_view id : ids) {
        if (numbers_.find(id) != nullptr) continue;
        numbers_.add(id);
        ids_.push_back(id);
    }
    numbers_.find(std::string_view("", 1));  // no id has a NUL; from now on, looking for an id allocates nothing
    is_renamed_.resize(ids_.size());
    struct Other {
        std::size_t number;
        std::optional<std::string> user_id;
        std::string space;
        bool operator<(const Other& other) const { return number < other.number; }
    };
    std::vector<Other> others;
    const ManyRows::Find find = [this](std::string_view id) { return number_of(id); };
    ManyRows groups("client_group", "client_group_pkey", 1, ids_, find);
    while (groups.next()) {
        const bool has_user = !groups.is_null(group_column::user_id);
        const std::string_view its_space = groups.text(group_column::space);
        if (its_space == space && (!user_id || (has_user && groups.text(group_column::user_id) == *user_id))) continue;
        others.push_back({groups.number(), has_user ? std::optional<std::string>(groups.text(group_column::user_id)) : std::nullopt,
                          std::string(its_space)});
    }
    std::sort(others.begin(), others.end());
    for (const Other& other : others) {
        const ClientGroup group{std::string(ids_[other.number]), user_id, space};
        if (user_id) check_user(group, other.user_id);
        check_space(group, other.space);
        is_renamed_[other.number] = other.space != space;
    }
}

std::ptrdiff_t ClientGroups::number_of(std::string_view id) const {
    const KeyTable::Entry* const entry = numbers_.find(id);
    return entry == nullptr ? -1 : entry - numbers_.entries().data();
}

bool ClientGroups::append_news(PullAnswer& answer, const Progress& progress, bool all) const {
    std::string client_ids;
    const auto id_at = [&client_ids](const Place& place) { return std::string_view(client_ids).substr(place.begin, place.length); };
    std::vector<Changed> changed;
    std::vector<Last> last(ids_.size());
    {
        const ManyRows::Find find = [this](std::string_view id) { return number_of(id); };
        ManyRows clients("client", "client_client_group_id_idx", client_column::group, ids_, find);
        while (clients.next()) {
            const std::int64_t version = clients.int8(client_column::version);
            const MutationRank rank = mutation_rank(progress, version);
            const std::string_view client = clients.text(client_column::id);
            Last& newest = last[clients.number()];
            const bool is_newest = rank > newest.rank || (rank == newest.rank && client > id_at(newest.client));
            const bool is_changed = all || is_renamed_[clients.number()] || progress.versions.contain(version);
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
        answer.append_confirmed(ids_[group], confirmed_text(ids_[group], id_at(last[group].client), last[group].last_mutation_id));
    }
    answer.end_confirmed();
    answer.append(",");
    answer.begin_last_mutation_ids();
    for (std::size_t i = 0; i < changed.size(); ++i) {
        const auto& [group, client, id] = changed[i];
        if (i == 0 || changed[i - 1].group != group) answer.begin_group(ids_[group]);
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
