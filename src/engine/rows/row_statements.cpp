#include "engine/rows/row_statements.h"

#include "pg/compat.h"

extern "C" {
#include "jit/jit.h"
#include "optimizer/cost.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// While it lives, PostgreSQL plans for tables that grow. The plans are kept, so one that was made for a small table must not read all of
// the table later. Disabling sequential scans makes plans look expensive, which would turn on JIT compilation. So that is off, too.
class PlanForGrowth {
public:
    PlanForGrowth() { enable_seqscan = jit_enabled = false; }
    ~PlanForGrowth() {
        enable_seqscan = seqscan_;
        jit_enabled = jit_;
    }
    PlanForGrowth(const PlanForGrowth&) = delete;
    PlanForGrowth& operator=(const PlanForGrowth&) = delete;

private:
    bool seqscan_ = enable_seqscan;
    bool jit_ = jit_enabled;
};

}  // namespace

RowStatements::RowStatements(const TableShape& shape, ChangeForm form) : shape_(shape), form_(std::move(form)), row_(describe()) {}

TupleDesc RowStatements::describe() const {
    int count = 0;
    for (std::size_t i = 0; i < shape_.columns.size(); ++i) count += form_.has_value(i) + form_.has_old(i);
    return guarded([&] {
        MemoryContext const outer = MemoryContextSwitchTo(shape_.context.get());
        TupleDesc const row = CreateTemplateTupleDesc(count);
        AttrNumber next = 1;
        const auto add = [&](const RowColumn& column, const WaitingName& name) {
            TupleDescInitEntry(row, next, name.text, column.type, column.typmod, 0);
            TupleDescInitEntryCollation(row, next++, column.collation);
        };
        for (std::size_t i = 0; i < shape_.columns.size(); ++i) {
            const RowColumn& column = shape_.columns[i];
            if (form_.has_value(i)) add(column, waiting_value(column.number));
            if (form_.has_old(i)) add(column, waiting_old(column.number));
        }
        pg::complete(row);
        MemoryContextSwitchTo(outer);
        return row;
    });
}

RowStatements::Prepared& RowStatements::prepared(RowStatement statement) {
    Prepared& result = statements_[static_cast<std::size_t>(statement)];
    if (!result.plan) result.plan = pg::Plan(row_sql(shape_, form_, statement));
    return result;
}

bool RowStatements::is_set_wise(RowStatement statement) {
    Prepared& found = prepared(statement);
    const PlanForGrowth setting;
    guarded([&found] {
        if (CachedPlan* const planned = SPI_plan_get_cached_plan(found.plan.get())) ReleaseCachedPlan(planned, CurrentResourceOwner);
    });
    const CachedPlanSource& source = found.plan.source();
    if (source.generation != found.generation) {
        const bool removes = statement == RowStatement::remove || statement == RowStatement::write_or_refuse;
        found.set_wise = engine::is_set_wise(source, shape_.table.relation, removes);
        found.generation = source.generation;
    }
    return found.set_wise;
}

bool RowStatements::are_set_wise() const {
    const auto is_used = [](const Prepared& statement) { return static_cast<bool>(statement.plan); };
    return std::any_of(statements_.begin(), statements_.end(), is_used) &&
           std::all_of(statements_.begin(), statements_.end(), [&](const Prepared& s) { return !is_used(s) || s.set_wise; });
}

bool RowStatements::may_run(RowStatement statement) {
    is_set_wise(statement);  // plans it
    return guarded([&found = prepared(statement)] {
        CachedPlan* const cached = SPI_plan_get_cached_plan(found.plan.get());
        bool may = true;
        ListCell* cell;
        foreach (cell, cached->stmt_list) may = may && pg::may_execute(*lfirst_node(PlannedStmt, cell));
        ReleaseCachedPlan(cached, CurrentResourceOwner);
        return may;
    });
}

}  // namespace replicache::engine
