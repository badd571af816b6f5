// How pokes of this database are sent, for operators.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// Counted since the server started, or since the database had its first poke after a quiet time in which other databases needed the memory.
struct PokeFigures {
    std::int64_t sent = 0;            // notifications that the worker has sent
    std::int64_t waiting = 0;         // notes that it has not sent yet
    std::int64_t coalesced = 0;       // notes that went out in the notification of another one
    std::int64_t in_transaction = 0;  // transactions that found no worker and notified themselves
    int worker_pid = 0;               // 0: there is no worker
    std::string worker{};             // "running", or why there is none
};

PokeFigures poke_figures();

}  // namespace replicache::engine
