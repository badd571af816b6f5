// Names of Zero's mutations and queries. Plain C++.
#pragma once

#include <algorithm>
#include <string>

namespace replicache {

// A name as it is registered: Zero's library takes | and dots for the same.
inline std::string zero_name(std::string name) {
    std::replace(name.begin(), name.end(), '|', '.');
    return name;
}

}  // namespace replicache
