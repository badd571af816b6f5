// A push of Zero on its way from the protocol to the engine, and its outcome on the way back. Standard C++ only.
#pragma once

#include <algorithm>

#include "model/batch.h"

namespace replicache {

// zero-cache asks to remove results of rejected mutations that their client has got.
struct ZeroCleanup {
    std::size_t mutation = 0;              // index in the batch
    std::vector<std::string> client_ids;   // empty: the request was malformed, and nothing is removed
    std::optional<std::int64_t> up_to_id;  // results of mutations up to this id; nullopt: all results of these clients

    bool covers(const std::string& client_id, std::int64_t id) const {
        return (!up_to_id || id <= *up_to_id) && std::find(client_ids.begin(), client_ids.end(), client_id) != client_ids.end();
    }
};

struct ZeroPush {
    Batch batch;                        // all mutations, also those that are named below
    std::vector<ZeroCleanup> cleanups;  // in the order of their mutations, which are no mutations of the app
    std::optional<std::size_t> crud;    // the first mutation that is not a custom one: the push ends before it
};

// A mutation that was processed before.
struct ZeroReplay {
    std::size_t mutation;   // index in the batch
    std::int64_t expected;  // the id that should have come
};

struct ZeroOutcome {
    // Why the push has ended.
    enum class End { done, out_of_order, crud, no_table, halted };

    End end = End::done;
    std::size_t reached = 0;           // the mutations before this one were looked at. What was done with them stands
    std::vector<Rejection> rejected;   // in order
    std::vector<ZeroReplay> replayed;  // in order
    std::vector<std::string> data;     // by index: the JSON that a mutator has returned; empty: nothing
    std::int64_t expected = 0;         // out_of_order: the id that should have come
    std::string table;                 // no_table: which one of Zero's tables does not exist
    std::optional<Halt> halted;        // halted
};

}  // namespace replicache
