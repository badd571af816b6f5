// What an operator wants to know, cheaply: see the comment of replicache.status().
#pragma once

#include "pg/spi.h"

namespace replicache::engine {

// A number, and what it does not say by itself.
struct Topic {
    const char* name;
    std::optional<std::int64_t> value;  // none: not known
    std::string details;                // empty: none
};

// Reads no large table: the number of its rows is an estimate. Writes nothing. Names no users, clients or mutations.
std::vector<Topic> status();

}  // namespace replicache::engine
