// The client groups that get one answer together, and their last mutation ids.
#pragma once

#include "base/text_index.h"
#include "engine/replicache/pull_answer.h"
#include "engine/space/progress.h"

namespace replicache::engine {

class ClientGroups {
public:
    // Looks the groups up. An id that is not on record is a group without clients. Throws 42501 when a group belongs to another space or,
    // with a user, to another user. The ids must outlive the object.
    ClientGroups(std::span<const std::string_view> ids, const std::optional<std::string>& user_id, const std::string& space);

    const std::vector<std::string_view>& ids() const { return ids_.texts(); }  // each once

    // Appends what append_last_mutation_ids (confirmed.h) does for one group: the clients whose last mutation id has changed, and the last
    // mutation of each group that has such a client. Returns whether there are any.
    bool append_news(PullAnswer& answer, const Progress& progress, bool all) const;
    // The same where nothing is new.
    static void append_nothing(PullAnswer& answer);

private:
    bool is_news(std::size_t group, std::int64_t version, const Progress& progress) const {
        return is_renamed_[group] || progress.versions.contain(version);
    }
    std::vector<std::size_t> with_news(const Progress& progress, bool all) const;

    TextIndex ids_;
    std::vector<bool> is_renamed_;  // by number of the id: the space of the group has another text on record
};

}  // namespace replicache::engine
