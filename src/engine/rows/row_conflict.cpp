// Conflict policies: what a change of a row may assume about the row as it is, as conditions of the statement that writes it. So
// they hold for the row's latest version, whoever else is at work.
#include "engine/rows/row_writer.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/subtransaction.h"

extern "C" {
#include "utils/rls.h"
#include "utils/typcache.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

constexpr int lost_conflict = MAKE_SQLSTATE('R', 'E', '0', '0', '2');

}  // namespace

void RowWriter::find_operators() {
    if (conflict_ == Conflict::last_write) return;
    for (Column& column : columns_) {
        const Oid type = guarded([&column] { return getBaseType(column.type); });
        const TypeCacheEntry* const entry = guarded([type] { return lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR); });
        if (OidIsValid(entry->eq_opr)) column.equals = pg::qualified_operator(entry->eq_opr);
        if (OidIsValid(entry->lt_opr)) column.less = pg::qualified_operator(entry->lt_opr);
        switch (type) {
            case INT2OID:
            case INT4OID:
            case INT8OID:
            case NUMERICOID:
            case FLOAT4OID:
            case FLOAT8OID: column.is_number = true; break;
            default: break;
        }
    }
}

bool RowWriter::is_conflict_column(const Column& column) const {
    return !table_.conflict_column.empty() && column.name == pg::quote_identifier(table_.conflict_column);
}

// Whether the statement needs what the client had before in the column.
bool RowWriter::uses_old(Statement statement, const Column& column) const {
    const bool writes = statement == Statement::update || statement == Statement::restore;
    if (!column.old_given || !(writes || statement == Statement::remove)) return false;
    switch (conflict_) {
        case Conflict::reject_stale: return table_.conflict_column.empty() || is_conflict_column(column);
        case Conflict::merge: return writes && column.given;
        case Conflict::delta:
            return writes && column.given && column.is_number && (table_.conflict_column.empty() || is_conflict_column(column));
        default: return false;
    }
}

bool RowWriter::has_evidence(Statement statement) const {
    const auto any = [this](auto&& has) { return std::any_of(columns_.begin(), columns_.end(), has); };
    if (conflict_ == Conflict::reject_stale)
        return any([&](const Column& c) { return uses_old(statement, c) || (is_conflict_column(c) && c.given); });
    if (conflict_ == Conflict::newest && statement != Statement::remove)
        return any([this](const Column& c) { return is_conflict_column(c) && c.given; });
    return true;
}

// A change that does not say what it was based on cannot be judged.
void RowWriter::check_evidence(Statement statement) const {
    if (has_evidence(statement)) return;
    if (conflict_ == Conflict::newest)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "a change of \"" + table_.name + "\" lacks \"" + table_.conflict_column + "\"", {},
                       "It tells which change is the newest.", pg::Defect::possible);
    throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "a change of \"" + table_.name + "\" does not say what the row was before", {},
                   table_.conflict_column.empty() ? "Let the client track previous values."
                                                  : "It needs the previous value of \"" + table_.conflict_column + "\".",
                   pg::Defect::possible);
}

// That the column has this value.
std::string RowWriter::still(const Column& column, const std::string& marker) const {
    const std::string now = "t." + column.name;
    const std::string equal = !column.equals.empty() ? now + " " + column.equals + " " + marker
                                                     : now + "::pg_catalog.text OPERATOR(pg_catalog.=) " + marker + "::pg_catalog.text";
    return "(" + equal + " OR (" + now + " IS NULL AND " + marker + " IS NULL))";
}

// `value` and `old` are the markers of parameters, empty where the change has none.
std::string RowWriter::condition(Statement statement, const Column& column, const std::string& value, const std::string& old) const {
    if (!owner_.empty() || (statement != Statement::update && statement != Statement::restore && statement != Statement::remove)) return {};
    switch (conflict_) {
        case Conflict::reject_stale:
            if (!old.empty()) return still(column, old);
            // Some clients send the version that they know among the data.
            return is_conflict_column(column) && !value.empty() ? still(column, value) : "";
        case Conflict::merge: return old.empty() ? "" : "(" + still(column, old) + " OR " + still(column, value) + ")";
        case Conflict::newest:
            if (!is_conflict_column(column) || value.empty() || statement == Statement::remove) return {};
            return "(t." + column.name + " IS NULL OR NOT " + value + " " + column.less + " t." + column.name + ")";
        default: return {};
    }
}

std::string RowWriter::assignment(const Column& column, const std::string& value, const std::string& old) const {
    const std::string now = "t." + column.name;
    if (conflict_ == Conflict::reject_stale && is_conflict_column(column))
        return column.name + " = COALESCE(" + now + " OPERATOR(pg_catalog.+) 1, 1)";  // the server counts
    if (value.empty()) return {};
    if (conflict_ != Conflict::delta || old.empty()) return column.name + " = " + value;
    return column.name + " = COALESCE(" + now + " OPERATOR(pg_catalog.+) (" + value + " OPERATOR(pg_catalog.-) " + old + "), " + value +
           ")";
}

// Of a row that is not there, the change has no effect; one that is there and was not written is forbidden, or has won.
void RowWriter::check_written(std::uint64_t rows) {
    if (rows == waiting_ || (conflict_ == Conflict::last_write && !has_policies())) return;
    if (waiting_ > 1) refuse_set();
    check_policies();
    if (conflict_ != Conflict::last_write && run(Statement::find_live) > 0) lose();
}

// A MERGE cannot be had of a table with rules.
bool RowWriter::has_policies() const {
    return guarded([relation = table_.relation] {
        if (check_enable_rls(relation, InvalidOid, true) != RLS_ENABLED) return false;
        HeapTuple const tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
        const bool rules = HeapTupleIsValid(tuple) && reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relhasrules;
        if (HeapTupleIsValid(tuple)) ReleaseSysCache(tuple);
        return !rules;
    });
}

// UPDATE and DELETE pass over a row that policies let the role see but not write. A MERGE throws 42501, of the row's latest version. What
// it does otherwise is undone: the row may have come since, or a trigger may have kept it as it was.
void RowWriter::check_policies() {
    if (!has_policies()) return;
    pg::Subtransaction trial;
    try {
        run(Statement::write_or_refuse);
    } catch (...) {
        trial.roll_back();
        throw;
    }
    trial.roll_back();
}

// The change has lost; the server's row goes on record with it.
void RowWriter::lose() {
    std::string detail;
    if (guarded([relation = table_.relation] { return pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK; }) &&
        run(Statement::show) > 0) {
        const char* const row = guarded([] { return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1); });
        detail = "The row is " + std::string(row) + " now.";
    }
    throw SqlError(lost_conflict, "row of \"" + table_.name + "\" has been changed meanwhile", detail,
                   "Policy \"" + table_.conflict + "\".");
}

}  // namespace replicache::engine
