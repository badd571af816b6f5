#include "engine/rows/row_statements.h"

#include "engine/rows/reads_tables.h"
#include "pg/compat.h"
#include "pg/plan_for_growth.h"

namespace replicache::engine {
namespace {

using pg::guarded;

}  // namespace

RowStatements::RowStatements(const TableShape& shape, ChangeForm form) : shape_(shape), form_(std::move(form)), row_(describe()) {}

TupleDesc RowStatements::describe() const {
    const bool numbered = form_.is_owned() && form_.kind() == RowChange::Kind::update;
    int count = numbered;
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
        if (numbered) TupleDescInitEntry(row, next, waiting_number, INT8OID, -1, 0);
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

const std::string& RowStatements::why_not_set_wise(RowStatement statement) {
    Prepared& found = prepared(statement);
    const pg::PlanForGrowth setting;
    guarded([&found] {
        CachedPlan* const planned = SPI_plan_get_cached_plan(found.plan.get());
        if (planned == nullptr) return;
        found.keeps_order = list_length(planned->stmt_list) == 1 && pg::writes_in_order(*linitial_node(PlannedStmt, planned->stmt_list));
        ReleaseCachedPlan(planned, CurrentResourceOwner);
    });
    const CachedPlanSource& source = found.plan.source();
    if (source.generation != found.generation || code_epoch() != found.epoch) {
        const std::uint64_t epoch = code_epoch();  // analysis may learn of changes
        const bool removes = statement == RowStatement::remove || statement == RowStatement::write_or_refuse;
        found.why_not = engine::why_not_set_wise(source, shape_.table.relation, removes);
        found.tells_order = engine::tells_order(source);
        found.generation = source.generation;
        found.epoch = epoch;
    }
    return found.why_not;
}

bool RowStatements::are_set_wise() const {
    const auto is_used = [](const Prepared& statement) { return static_cast<bool>(statement.plan); };
    return std::any_of(statements_.begin(), statements_.end(), is_used) &&
           std::all_of(statements_.begin(), statements_.end(), [&](const Prepared& s) { return !is_used(s) || s.why_not.empty(); });
}

bool RowStatements::keep_order() const {
    return std::all_of(
        statements_.begin(), statements_.end(), [](const Prepared& s) { return !s.plan || s.keeps_order; });
}

bool RowStatements::tells_order(RowStatement statement) {
    why_not_set_wise(statement);
    return prepared(statement).tells_order;
}

bool RowStatements::tell_order() const {
    return std::any_of(
        statements_.begin(), statements_.end(), [](const Prepared& statement) { return statement.tells_order; });
}

bool RowStatements::may_run(RowStatement statement) {
    why_not_set_wise(statement);  // plans it
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
