// Changes of one form that wait to be written by one statement.
#pragma once

#include "engine/rows/parsed_change.h"
#include "pg/waiting_rows.h"

namespace replicache::engine {

class PendingRows {
public:
    // The shape must live longer.
    explicit PendingRows(const TableShape& shape) : shape_(shape) {}

    std::size_t count() const { return rows_.count(); }
    // `row`: the columns of "waiting".
    void add(const ParsedChange& change, TupleDesc row);
    void clear() { rows_.clear(); }

    // Whether the index of the primary key has no entry for the only change. Then there is no row that a statement could find. To look
    // there costs a fifth of a statement. False: there may be a row. `form`: of the change.
    bool is_surely_new(const ChangeForm& form, TupleDesc row) const;

    // Opens a connection to SPI whose statements find "waiting".
    void connect(TupleDesc row) const;

private:
    const TableShape& shape_;
    pg::WaitingRows rows_{};
};

}  // namespace replicache::engine
