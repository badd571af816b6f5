// The statements for changes of one form. Each is prepared when it is needed first, and its plan is kept.
//
// All functions but the constructor need the connection to SPI of PendingRows.
#pragma once

#include "engine/rows/row_sql.h"
#include "pg/plan.h"

namespace replicache::engine {

class RowStatements {
public:
    // The shape must live longer.
    RowStatements(const TableShape& shape, ChangeForm form);

    const ChangeForm& form() const { return form_; }
    // The columns of the table "waiting".
    TupleDesc row() const { return row_.get(); }

    // Whether the role has all rights that the statement needs.
    bool may_run(RowStatement statement);
    // Why the statement may not write several rows for the role that runs it now. Empty: it may.
    const std::string& why_not_set_wise(RowStatement statement);
    // The same for all statements that were used so far. False: none was.
    bool are_set_wise() const;
    // Whether all statements that were used so far write rows in the order of the changes.
    bool keep_order() const;
    // Whether rows could tell in which order the statement and others of the same table have written them.
    bool tells_order(RowStatement statement);
    // The same for any statement that was used so far.
    bool tell_order() const;
    // How many rows the statement has found or written. Nullopt: it has failed, with this error.
    std::optional<std::uint64_t> run(RowStatement statement, std::optional<pg::PgError>& error);

private:
    struct Prepared {
        pg::Plan plan{};
        int generation = -1;      // of PostgreSQL's plan, when the rest was found out
        std::uint64_t epoch = 0;  // code_epoch() then
        std::string why_not{};
        bool tells_order = false;
        bool keeps_order = false;
    };
    struct FreeRow {
        void operator()(TupleDescData* row) const { FreeTupleDesc(row); }
    };

    Prepared& prepared(RowStatement statement);
    TupleDesc describe() const;

    const TableShape& shape_;
    const ChangeForm form_;
    std::unique_ptr<TupleDescData, FreeRow> row_;
    std::array<Prepared, row_statement_count> statements_{};
};

// Statements fail every day, and an exception costs as much as some rows. So errors are returned.
inline std::optional<std::uint64_t> RowStatements::run(RowStatement statement, std::optional<pg::PgError>& error) {
    const SPIPlanPtr plan = prepared(statement).plan.get();
    error = pg::error_of([plan] {
        const MemoryContext outer = CurrentMemoryContext;  // SPI changes it
        const int code = SPI_execute_plan(plan, nullptr, nullptr, false, 0);
        MemoryContextSwitchTo(outer);
        if (code < 0) elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
    });
    if (error) return std::nullopt;
    return SPI_processed;
}

}  // namespace replicache::engine
