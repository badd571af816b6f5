// The rows of a user that are gone since a head, for a client that may know them.
#pragma once

#include "engine/last_mutation_at/paging.h"
#include "engine/rows/row_writer.h"
#include "model/last_mutation_at.h"

namespace replicache::engine {

using Resources = std::vector<std::shared_ptr<RowWriter>>;

// Rows from before tracking can have the same version.
inline bool is_earlier(const SyncMutation& a, const SyncMutation& b) {
    return std::tie(a.timestamp, a.resource, a.id, a.data) < std::tie(b.timestamp, b.resource, b.id, b.data);
}

class Deletions {
public:
    // `since`: the head of the client. `told`: the versions that the answer covers, which may begin earlier. All arguments must outlive
    // this object.
    Deletions(const std::string& user, std::int64_t since, VersionRange told, const Resources& resources)
        : user_(user), since_(since), told_(told), resources_(resources) {}

    // Needs an open SPI connection.
    void find();
    // Sorted by time.
    const std::vector<SyncMutation>& found() const { return found_; }
    // Whether a row with this key came into being after `since`.
    bool is_new(const std::string& key) const { return created_.contains(key); }

private:
    // How often a row was created, or deleted, after `since`, and when for the first time.
    struct Events {
        std::int64_t times = 0;
        std::int64_t first = 0;
        void add(std::int64_t version) { first = times++ == 0 ? version : std::min(first, version); }
    };

    pg::TableScan scan(const char* log, const char* index, int space, int version) const;
    void read_creations();
    void read_tombstones();
    void read_soft_deleted();
    Events creations_of(const std::string& key) const;
    bool can_be_known(const RowWriter& writer, const std::string& key, const Events& deleted);
    bool exists(const RowWriter& writer, const std::string& key);
    void add(const Resource& resource, const std::string& identity, std::int64_t version);

    const std::string& user_;
    const std::int64_t since_;
    const VersionRange told_;
    const Resources& resources_;
    std::unordered_map<std::string, Events> created_;                                   // by key
    std::unordered_map<const RowWriter*, std::unordered_set<std::string>> existing_{};  // keys, of tables that were asked
    std::int64_t read_ahead_ = no_head;
    std::vector<SyncMutation> found_;
};

}  // namespace replicache::engine
