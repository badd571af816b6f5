// Which row a query of ours had come to when it failed: one row for which a value cannot be computed stops all pulls, and somebody has to
// find it.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// Once per backend: the executor tells when it starts and ends.
void register_row_watch();

// A tracked table, in messages.
struct WatchedTable {
    Oid relation;
    std::string name;              // as SQL
    std::vector<std::string> key;  // columns
};

// Says in the error what to do about the table. `row`: that one is at fault.
void explain(pg::PgError& error, const WatchedTable& table, bool row);

// One run of a query.
class RowWatch {
public:
    RowWatch(const WatchedTable& table, SPIPlanPtr plan);
    ~RowWatch();
    RowWatch(const RowWatch&) = delete;
    RowWatch& operator=(const RowWatch&) = delete;

    // `run` executes the plan, under the rules of `guarded`. What it throws names the row.
    template <class F>
    void run(F&& run) {
        auto error = pg::error_of([&] {
            ErrorContextCallback callback{error_context_stack, name_row, this};
            error_context_stack = &callback;
            run();
            error_context_stack = callback.previous;
        });
        if (!error) return;
        explain(*error, table_, found_);
        throw std::move(*error);
    }

    void started(QueryDesc* query);
    void ended(const QueryDesc* query);

private:
    // Raises nothing, runs nobody's code, and looks nothing up: the transaction has failed.
    static void name_row(void* watch);

    const WatchedTable& table_;
    RowWatch* outer_;
    const char* text_;            // of the query: the executor's is the same pointer
    QueryDesc* query_ = nullptr;  // while it runs
    bool tells_key_ = false;
    bool found_ = false;
};

}  // namespace replicache::engine
