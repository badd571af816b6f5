// Rows that wait in memory to be written by one statement.
//
// They are in a tuplestore. Statements read it as the table "waiting", which is an ephemeral named relation, like the transition tables of
// triggers (utils/queryenvironment.h).
#pragma once

#include "pg/memory.h"

extern "C" {
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"
}

namespace replicache::pg {

class WaitingRows {
public:
    static constexpr const char* name = "waiting";
    // How much waits at most, by the count of whoever collects.
    static constexpr std::size_t max_rows = 1000;
    static constexpr std::size_t max_bytes = 1 << 20;

    WaitingRows();

    std::size_t count() const { return count_; }
    // `values` and `nulls`: one for each column of `row`, which is the same for all rows until clear().
    void add(TupleDesc row, const Datum* values, const bool* nulls);
    void clear();

    Tuplestorestate* rows() const { return rows_; }
    // "waiting", for a query environment. `expected`: how many rows the planner counts on. In the current context. Raises PostgreSQL
    // errors.
    EphemeralNamedRelation relation(TupleDesc row, double expected) const;

private:
    ContextPtr context_;
    Tuplestorestate* rows_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace replicache::pg
