// Replays: applies a rejected mutation or upload again, after its cause has been removed.
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
    std::string json;                 // the whole row

    bool is_upload() const { return client_group_id.empty(); }
};

// Deletes the row and returns it. Another session that replays the same row waits, and then finds no row. When the replay fails, the
// rollback of its statement brings the row back. Throws 42704 when there is no such row.
RecordedError take_error(std::int64_t id);

// Both throw the error that the replay fails with. Then the caller must roll back.
// `upload` is parsed from the args of the row. The detail of the error names the change that failed.
void replay_upload(const RecordedError& error, const Upload& upload);
void replay_mutation(const RecordedError& error);

}  // namespace replicache::engine
