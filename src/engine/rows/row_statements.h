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
    // Whether the statement may write several rows for the role that runs it now.
    bool is_set_wise(RowStatement statement);
    // The same for all statements that were used so far. False: none was.
    bool are_set_wise() const;
    // How many rows the statement has found or written.
    std::uint64_t run(RowStatement statement);

private:
    struct Prepared {
        pg::Plan plan{};
        int generation = -1;  // of PostgreSQL's plan, when set_wise was found out
        bool set_wise = false;
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

// Inline, as are its callers: statements fail every day, and each frame on the way of an exception costs as much as some rows.
inline std::uint64_t RowStatements::run(RowStatement statement) {
    return pg::guarded([&found = prepared(statement)] {
        const MemoryContext outer = CurrentMemoryContext;  // SPI changes it
        const int code = SPI_execute_plan(found.plan.get(), nullptr, nullptr, false, 0);
        MemoryContextSwitchTo(outer);
        if (code < 0) elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
        return static_cast<std::uint64_t>(SPI_processed);
    });
}

}  // namespace replicache::engine
