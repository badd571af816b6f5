// Replays: what was rejected and put on record is applied once more, when its cause is mended.
#pragma once

#include "model/row_change.h"
#include "pg/border.h"

namespace replicache::engine {

// A row of replicache.mutation_error.
struct RecordedError {
    std::int64_t id = 0;
    std::string space;
    std::optional<std::string> user_id;
    std::string client_group_id;  // empty: an upload
    std::string client_id;        // empty: an upload without one
    std::int64_t mutation_id = 0;
    std::string name;
    std::optional<std::string> args;  // JSON
    std::string json;                 // all of it

    bool is_upload() const { return client_group_id.empty(); }
};

// Deletes the record and returns it: so whoever replays the same one meanwhile waits, and finds it gone. A replay that fails then
// brings it back, with its statement's other effects undone. Throws 42704 when there is none.
RecordedError take_error(std::int64_t id);

// Both throw what it fails with, and then the caller must roll back.
// `upload` is what the args of the record say. Which change it was stands in the detail.
void replay_upload(const RecordedError& error, const Upload& upload);
void replay_mutation(const RecordedError& error);

}  // namespace replicache::engine
