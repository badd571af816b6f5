// A push on its way from a protocol to the engine, and its outcome on the way back. Standard C++ only: protocols include only this folder
// besides their own, so they can be tested without a server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace replicache {

struct Mutation {
    std::string client_id;  // empty: the same as the client group
    std::int64_t id = 0;    // per client, 1, 2, 3, …
    std::string name;       // of the mutator
    std::string_view args;  // the JSON text exactly as the client wrote it, a slice of the request; empty: absent
};

struct Batch {
    std::string client_group_id;
    std::string schema_version;
    std::vector<Mutation> mutations;

    const std::string& client_of(const Mutation& mutation) const {
        return mutation.client_id.empty() ? client_group_id : mutation.client_id;
    }
};

// A PostgreSQL error as a client may read it.
struct Failure {
    std::string sqlstate;
    std::string message;
    std::optional<std::string> detail;
    std::optional<std::string> hint;
    bool defect = false;    // a mistake of the server's set-up: the mutation succeeds once it is corrected
    std::string context{};  // for the log: where the defect was found
};

struct Rejection {
    std::size_t mutation;  // index in the batch
    Failure failure;
};

// Why the engine stopped before the end of the batch. The mutations before it keep their effect. The rest was not looked at.
struct Halt {
    enum class Reason { out_of_order, temporary };
    Reason reason;
    std::size_t mutation;       // index in the batch
    std::int64_t expected = 0;  // out_of_order: the id that should have come next
    Failure failure;            // temporary: the error
};

struct Outcome {
    std::int64_t version = 0;  // the space's version after the push
    std::int64_t applied = 0;
    std::int64_t skipped = 0;
    std::vector<Rejection> rejected;
    std::optional<Halt> halted;
    bool client_state_not_found = false;  // the server has forgotten a client; the mutations before it keep their effect
};

}  // namespace replicache
