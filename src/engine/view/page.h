// A page of an answer that would be long (replicache.page_size).
#pragma once

#include "prelude.h"

namespace replicache::engine {

// What the client waits for is never held back: changes, and dels. Only what it has not got yet is: rows, or whole parts. A page has at
// least one of these.
class Page {
public:
    // `size`: bytes. `first`: the client has not got the whole view yet, so no row that it lacks is urgent.
    Page(StringInfo out, std::int64_t size, bool first) : out_(out), end_(out->len + size), first_(first) {}

    bool is_first() const { return first_; }
    bool is_full() const { return any_ && out_->len >= end_; }
    // Notes a row, or a part, that could have been held back.
    void note() { any_ = true; }
    // Notes that something is held back.
    void stop() { more_ = true; }
    bool has_more() const { return more_; }

private:
    StringInfo out_;
    std::int64_t end_;
    bool first_;
    bool any_ = false;
    bool more_ = false;
};

}  // namespace replicache::engine
