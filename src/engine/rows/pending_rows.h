// Changes of one form that wait to be written by one statement.
//
// They are in a tuplestore. Statements read it as the table "waiting", which is an ephemeral named relation, like the transition tables of
// triggers (utils/queryenvironment.h).
#pragma once

#include "engine/rows/parsed_change.h"

extern "C" {
#include "utils/tuplestore.h"
}

namespace replicache::engine {

class PendingRows {
public:
    // The shape must live longer.
    explicit PendingRows(const TableShape& shape);

    std::size_t count() const { return count_; }
    bool has_room_for(const ParsedChange& change) const;
    // Whether a change of the same row is among them.
    bool has_row_of(const ParsedChange& change) const;
    // `row`: the columns of "waiting".
    void add(const ParsedChange& change, TupleDesc row);
    void clear();

    // Opens a connection to SPI whose statements find "waiting".
    void connect(TupleDesc row) const;

private:
    bool is_keyed(const ParsedChange& change) const;
    std::string key_of(const ParsedChange& change) const;

    const TableShape& shape_;
    pg::ContextPtr context_;  // of the tuplestore
    Tuplestorestate* rows_ = nullptr;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::unordered_set<std::string> keys_;
};

}  // namespace replicache::engine
