// Finds the row at which a query of ours failed. A single row whose value cannot be computed stops all pulls, so the error must say which
// row it is.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// Hooks into the start and end of the executor. Call it once per backend.
void register_row_watch();

// A tracked table, in messages.
struct WatchedTable {
    Oid relation;
    std::string name;              // qualified and quoted for SQL
    std::vector<std::string> key;  // columns
};

// The cause of an error in a query.
enum class Fault { table, row };

// Adds to the error what to do about the table.
void explain(pg::PgError& error, const WatchedTable& table, Fault fault);

// One run of a query.
class RowWatch {
public:
    RowWatch(const WatchedTable& table, SPIPlanPtr plan);
    ~RowWatch();
    RowWatch(const RowWatch&) = delete;
    RowWatch& operator=(const RowWatch&) = delete;

    // `run` executes the plan, under the rules of `guarded`. An error from it names the row.
    template <class F>
    void run(F&& run) {
        auto error = pg::error_of([&] {
            ErrorContextCallback callback{error_context_stack, name_row, this};
            error_context_stack = &callback;
            run();
            error_context_stack = callback.previous;
        });
        if (!error) return;
        explain(*error, table_, found_ ? Fault::row : Fault::table);
        throw std::move(*error);
    }

    void started(QueryDesc* query);
    void ended(const QueryDesc* query);

private:
    // The transaction has failed when this is called. So it must not raise errors, run code of others, or look anything up.
    static void name_row(void* watch);

    const WatchedTable& table_;
    RowWatch* outer_;
    const char* text_;            // of the query; the executor has the same pointer
    QueryDesc* query_ = nullptr;  // while it runs
    bool tells_key_ = false;
    bool found_ = false;
};

}  // namespace replicache::engine
