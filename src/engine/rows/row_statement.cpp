// The statements that a RowWriter runs. They read the changes that wait as the table v, and are prepared once per form of changes.
#include "engine/rows/row_writer.h"
#include "pg/catalog.h"
#include "pg/compat.h"

extern "C" {
#include "jit/jit.h"
#include "optimizer/cost.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// While it lives, PostgreSQL plans for tables that grow: the plans are kept, and one that was made when the table was small must not
// go through all of it later. Nor does compiling pay, which the price of a forbidden plan would suggest.
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

std::string marker(char prefix, AttrNumber column) { return std::string("v.\"~") + prefix + std::to_string(column) + "\""; }

}  // namespace

std::string RowWriter::sql(Statement statement) const {
    const Statement writes = statement == Statement::write_or_refuse ? writes_existing() : statement;
    const bool replaces =
        table_.replace && form_->kind == RowChange::Kind::upsert && (writes == Statement::restore || writes == Statement::update);
    std::string names, markers, set, where;
    const auto add = [](std::string& list, const std::string& item, const char* separator = ", ") {
        if (!item.empty()) list += (list.empty() ? "" : separator) + item;
    };
    for (const Column& column : columns_) {
        const bool key = is_key(column);
        if (!column.given && replaces && column.writable && !key && column.name != deleted_ && !is_conflict_column(column))
            add(set, column.name + " = NULL");
        const std::string value = column.given ? marker('c', column.number) : "";
        const std::string old = uses_old(writes, column) ? marker('o', column.number) : "";
        if (!key && !is_owner(column)) {
            add(set, assignment(column, value, old));
            add(where, condition(writes, column, value, old), " AND ");
        }
        if (!column.given) continue;
        add(names, column.name);
        add(markers, value);
        if (is_owner(column) && !key) add(where, "t." + column.name + " OPERATOR(pg_catalog.=) " + value, " AND ");
        for (const Key& k : key_)
            if (&columns_[k.column] == &column) add(where, same_key(k, value), " AND ");
    }
    // With its columns named, it would want the right to read them, and a new row that the role may see. Keys that are deferrable must be
    // left out.
    std::string unless_there = " ON CONFLICT";
    if (may_have_deferrable_) {
        std::string keys;
        for (const Key& key : key_) add(keys, columns_[key.column].name);
        unless_there += " (" + keys + ")";
    }
    const std::string not_deleted = deleted_.empty() ? "" : " AND t." + deleted_ + " IS NOT TRUE";
    const std::string table = rows_of_it_, waiting = "waiting AS v";
    const std::string owned = owner_.empty() ? ""
                                             : "t." + resource_->version + ", " + resource_->id + ", " +
                                                   (statement == Statement::remove ? resource_->identity : "NULL::pg_catalog.text") + ", " +
                                                   resource_->data;
    const std::string returning = owned.empty() ? "" : " RETURNING " + owned;
    if (writes == Statement::restore && !deleted_.empty() && set.find(deleted_ + " = ") == std::string::npos)
        add(set, deleted_ + " = false");
    if (writes == Statement::remove) set = deleted_.empty() ? "" : deleted_ + " = true";
    switch (statement) {
        case Statement::insert:
        case Statement::insert_unless_there:
            return "INSERT INTO " + relation_ + " AS t" + (names.empty() ? "" : " (" + names + ")") + " SELECT " + markers + " FROM " +
                   waiting + (statement == Statement::insert ? returning : unless_there + " DO NOTHING");
        case Statement::restore: return "UPDATE " + table + " SET " + set + " FROM " + waiting + " WHERE " + where;
        case Statement::update: return "UPDATE " + table + " SET " + set + " FROM " + waiting + " WHERE " + where + not_deleted + returning;
        case Statement::find: return "SELECT FROM " + waiting + ", " + table + " WHERE " + where;
        case Statement::find_live: return "SELECT " + owned + " FROM " + waiting + ", " + table + " WHERE " + where + not_deleted;
        case Statement::show:
            return "SELECT pg_catalog.row_to_json(t.*)::pg_catalog.text FROM " + waiting + ", " + table + " WHERE " + where;
        case Statement::remove:
            return (set.empty() ? "DELETE FROM " + table + " USING " + waiting : "UPDATE " + table + " SET " + set + " FROM " + waiting) +
                   " WHERE " + where + not_deleted + returning;
        case Statement::write_or_refuse:
            return "MERGE INTO " + table + " USING " + waiting + " ON " + where + (writes == Statement::restore ? "" : not_deleted) +
                   " WHEN MATCHED THEN " + (set.empty() ? "DELETE" : "UPDATE SET " + set);
    }
    return {};
}

// Of the form at hand.
RowWriter::Statement RowWriter::writes_existing() const {
    switch (form_->kind) {
        case RowChange::Kind::remove: return Statement::remove;
        case RowChange::Kind::upsert: return Statement::restore;
        default: return Statement::update;
    }
}

// ANY: so the only plans are to look for each change's row by the index, and to go through the table. With = there would be one from
// the row to its change, which is the cheapest for a table that is still empty.
std::string RowWriter::same_key(const Key& key, const std::string& value) const {
    const std::string column = "t." + columns_[key.column].name + " " + key.equals + " ";
    return column + (key.is_array ? value : "ANY (ARRAY[" + value + "])");
}

// Whether the statement may write several rows, for the role that runs it now. Also sees to it that it is planned.
bool RowWriter::may_write_several(Plan& plan, Statement statement) {
    const PlanForGrowth setting;
    guarded([&plan] {
        if (CachedPlan* const planned = SPI_plan_get_cached_plan(plan.plan.get())) ReleaseCachedPlan(planned, CurrentResourceOwner);
    });
    const CachedPlanSource& source = plan.plan.source();
    if (source.generation != plan.generation) {
        plan.set_wise = is_set_wise(source, table_.relation, statement == Statement::remove || statement == Statement::write_or_refuse);
        plan.generation = source.generation;
    }
    return plan.set_wise;
}

RowWriter::Plan& RowWriter::planned(Statement statement) {
    Plan& plan = form_->plans[static_cast<std::size_t>(statement)];
    if (!plan.plan) plan.plan = pg::Plan(sql(statement));
    return plan;
}

// Whether the role has all rights that the statement wants.
bool RowWriter::may_run(Statement statement) {
    Plan& plan = planned(statement);
    may_write_several(plan, statement);
    return guarded([&plan] {
        CachedPlan* const cached = SPI_plan_get_cached_plan(plan.plan.get());
        bool may = true;
        ListCell* cell;
        foreach (cell, cached->stmt_list) may = may && pg::may_execute(*lfirst_node(PlannedStmt, cell));
        ReleaseCachedPlan(cached, CurrentResourceOwner);
        return may;
    });
}

std::uint64_t RowWriter::run(Statement statement) {
    if (statement == Statement::insert || statement == Statement::insert_unless_there) check_assigned();
    Plan& plan = planned(statement);
    if (!may_write_several(plan, statement) && put_off_) refuse_set();
    return guarded([&] {
        const MemoryContext outer = CurrentMemoryContext;  // which SPI leaves for its own
        const int code = SPI_execute_plan(plan.plan.get(), nullptr, nullptr, false, 0);
        MemoryContextSwitchTo(outer);
        if (code < 0) elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
        return static_cast<std::uint64_t>(SPI_processed);
    });
}

}  // namespace replicache::engine
