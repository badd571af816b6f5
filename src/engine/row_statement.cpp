// The statements that a RowWriter runs: one per kind of change and set of columns, prepared once.
#include "engine/row_writer.h"

namespace replicache::engine {
namespace {

using pg::guarded;

// Clients choose the sets of columns that they change.
constexpr std::size_t max_plans = 100;

}  // namespace

std::string RowWriter::sql(Statement statement) const {
    std::string names, markers, set, where;
    int n = 0;
    const auto add = [](std::string& list, const std::string& item, const char* separator = ", ") {
        if (!item.empty()) list += (list.empty() ? "" : separator) + item;
    };
    for (const Column& column : columns_) {
        const bool key = is_key(column);
        if (!column.given && table_.replace && statement == Statement::restore && column.writable && !key && column.name != deleted_ && !is_conflict_column(column))
            add(set, column.name + " = NULL");
        const std::string value = column.given ? "$" + std::to_string(++n) : "";
        const std::string old = uses_old(statement, column) ? "$" + std::to_string(++n) : "";
        if (!key) {
            add(set, assignment(column, value, old));
            add(where, condition(statement, column, value, old), " AND ");
        }
        if (!column.given) continue;
        add(names, column.name);
        add(markers, value);
        for (const Key& k : key_)
            if (&columns_[k.column] == &column) add(where, "t." + column.name + " " + k.equals + " " + value, " AND ");
    }
    const std::string keys = [&] {
        std::string list;
        for (const Key& key : key_) add(list, columns_[key.column].name);
        return list;
    }();
    const std::string not_deleted = deleted_.empty() ? "" : " AND t." + deleted_ + " IS NOT TRUE";
    switch (statement) {
        case Statement::insert:
        case Statement::insert_unless_there:
            return "INSERT INTO " + relation_ + " AS t " + (names.empty() ? "DEFAULT VALUES" : "(" + names + ") VALUES (" + markers + ")") +
                   (statement == Statement::insert ? "" : " ON CONFLICT (" + keys + ") DO NOTHING");
        case Statement::restore:
            if (!deleted_.empty() && set.find(deleted_ + " = ") == std::string::npos) add(set, deleted_ + " = false");
            return "UPDATE " + relation_ + " AS t SET " + set + " WHERE " + where;
        case Statement::update:
            return "UPDATE " + relation_ + " AS t SET " + set + " WHERE " + where + not_deleted;
        case Statement::find:
            return "SELECT FROM " + relation_ + " AS t WHERE " + where;
        case Statement::find_live:
            return "SELECT FROM " + relation_ + " AS t WHERE " + where + not_deleted;
        case Statement::show:
            return "SELECT pg_catalog.row_to_json(t)::pg_catalog.text FROM " + relation_ + " AS t WHERE " + where;
        case Statement::remove:
            return (deleted_.empty() ? "DELETE FROM " + relation_ + " AS t WHERE " : "UPDATE " + relation_ + " AS t SET " + deleted_ + " = true WHERE ") +
                   where + not_deleted;
    }
    return {};
}

std::uint64_t RowWriter::run(Statement statement) {
    std::string shape(1, static_cast<char>(statement));
    std::vector<Datum> values;
    std::string nulls;
    std::vector<Oid> types;
    const auto use = [&](const Column& column, const pg::Value& value) {
        values.push_back(value.datum);
        nulls += value.null ? 'n' : ' ';
        types.push_back(column.type);
    };
    for (const Column& column : columns_) {
        const bool old = uses_old(statement, column);
        shape += static_cast<char>('0' + column.given + 2 * old);
        if (column.given) use(column, column.value);
        if (old) use(column, column.old);
    }
    auto plan = plans_.find(shape);
    if (plan == plans_.end()) {
        if (plans_.size() >= max_plans) {
            for (const auto& [key, old] : plans_) SPI_freeplan(old);
            plans_.clear();
        }
        const std::string text = sql(statement);
        SPIPlanPtr const prepared = guarded([&] {
            const SPIPlanPtr result = SPI_prepare(text.c_str(), static_cast<int>(types.size()), types.data());
            if (result == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
            SPI_keepplan(result);
            return result;
        });
        plan = plans_.emplace(shape, prepared).first;
    }
    return guarded([&] {
        const MemoryContext outer = CurrentMemoryContext;  // which SPI leaves for its own
        const int code = SPI_execute_plan(plan->second, values.data(), nulls.c_str(), false, 0);
        MemoryContextSwitchTo(outer);
        if (code < 0) elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
        return static_cast<std::uint64_t>(SPI_processed);
    });
}

}  // namespace replicache::engine
