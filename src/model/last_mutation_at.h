// Answers of the protocol lastMutationAt. Standard C++ only.
#pragma once

#include "model/row_change.h"

namespace replicache {

// A change of a row, as an answer tells it.
struct SyncMutation {
    RowChange::Kind kind = RowChange::Kind::insert;  // insert, update or remove
    std::string resource{};
    std::string id{};    // JSON; empty: the key is composite
    std::string data{};  // a JSON object
    std::int64_t timestamp = 0;
};

struct SyncPage {
    std::int64_t head = -1;
    std::vector<SyncMutation> mutations{};  // by timestamp
    std::int64_t page = 1;
    std::int64_t limit = 100;  // mutations per page
    std::int64_t total = 0;    // on all pages
    bool has_more = false;
};

}  // namespace replicache
