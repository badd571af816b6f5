#include "engine/rows/row_operation.h"

#include "base/sqlstate.h"
#include "engine/space/space.h"
#include "pg/compat.h"
#include "pg/subtransaction.h"

extern "C" {
#include "utils/rls.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;
using Kind = RowChange::Kind;

bool may_read(Oid relation) {
    return guarded([relation] { return pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK; });
}

bool may_see_all_rows(Oid relation) {
    return may_read(relation) && guarded([relation] { return check_enable_rls(relation, InvalidOid, true) != RLS_ENABLED; });
}

// Whether row-level security can keep the role from writing a row, and a MERGE can tell: PostgreSQL has none for tables with rules.
bool has_row_security(Oid relation) {
    return guarded([relation] {
        if (check_enable_rls(relation, InvalidOid, true) != RLS_ENABLED) return false;
        HeapTuple const tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
        const bool rules = HeapTupleIsValid(tuple) && reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relhasrules;
        if (HeapTupleIsValid(tuple)) ReleaseSysCache(tuple);
        return !rules;
    });
}

// Whether the changes give values besides the key.
bool has_values(const TableShape& shape, const ChangeForm& form) {
    for (std::size_t i = 0; i < shape.columns.size(); ++i)
        if (const RowColumn& column = shape.columns[i]; form.has_value(i) && !column.is_key && !(form.is_owned() && column.is_owner))
            return true;
    return false;
}

// Whether an upsert writes anything into a row that is there.
bool upsert_changes(const TableShape& shape, const ChangeForm& form) {
    return shape.table.replace || !shape.deleted.empty() || has_values(shape, form);
}

// Whether the changes write columns with unique values into rows that are there. If so, their order matters.
bool touches_unique(const TableShape& shape, const ChangeForm& form) {
    const bool upserts = form.kind() == Kind::upsert;
    for (std::size_t i = 0; i < shape.columns.size(); ++i) {
        const RowColumn& column = shape.columns[i];
        const bool written =
            form.has_value(i) || column.is_conflict || (upserts && (column.marks_deleted || (column.writable && shape.table.replace)));
        if (written && !column.is_key && shape.set_wise.keeps_rows_apart(column.number)) return true;
    }
    return false;
}

class RowOperation {
public:
    RowOperation(const TableShape& shape, RowStatements& statements, const PendingRows& changes, Timing timing)
        : shape_(shape), statements_(statements), changes_(changes), rows_(changes.count()), timing_(timing) {}

    // one_by_one: or there is an error.
    enum class Result { done, no_row, one_by_one };
    Result write();
    Result write_owned();
    std::optional<pg::PgError>& error() { return error_; }

private:
    Result write_owned(bool allowed, const char* operation, RowStatement statement);
    Result insert();
    Result update();
    Result remove();
    Result upsert();
    Result update_existing();
    Result upsert_several();

    // Nullopt: the statement has failed, or could have another outcome for changes that have waited. Nothing may be run after that.
    std::optional<std::uint64_t> run(RowStatement statement) {
        if (statement == RowStatement::insert || statement == RowStatement::insert_unless_there) check_assigned();
        if (!statements_.why_not_set_wise(statement).empty() && timing_ != Timing::immediate) return std::nullopt;
        if (timing_ == Timing::reordered && statements_.tells_order(statement)) return std::nullopt;
        return statements_.run(statement, error_);
    }

    // Whether the statement has found or written a row.
    Result run_any(RowStatement statement) {
        const auto count = run(statement);
        return !count ? Result::one_by_one : *count > 0 ? Result::done : Result::no_row;
    }
    bool may_run(RowStatement statement) { return statements_.may_run(statement); }
    Result check_written(std::optional<std::uint64_t> written);
    Result check_row_security();
    Result lose();

    void require(bool allowed, const char* operation) const;
    void check_assigned() const;
    bool has_evidence(RowStatement statement) const;
    void check_evidence(RowStatement statement) const;
    bool has_values() const { return engine::has_values(shape_, form()); }
    bool upsert_changes() const { return engine::upsert_changes(shape_, form()); }
    bool touches_unique() const { return engine::touches_unique(shape_, form()); }

    const ExposedTable& table() const { return shape_.table; }
    const ChangeForm& form() const { return statements_.form(); }

    const TableShape& shape_;
    RowStatements& statements_;
    const PendingRows& changes_;
    const std::uint64_t rows_;
    const Timing timing_;
    std::optional<pg::PgError> error_{};
};

RowOperation::Result RowOperation::write() {
    switch (form().kind()) {
        case Kind::insert: return insert();
        case Kind::upsert: return rows_ > 1 ? upsert_several() : upsert();
        case Kind::update: return update();
        case Kind::remove: return remove();
    }
    return Result::done;
}

RowOperation::Result RowOperation::write_owned() {
    switch (form().kind()) {
        case Kind::insert: return write_owned(table().may_insert, "insert", RowStatement::insert);
        case Kind::remove: return write_owned(table().may_delete, "delete", RowStatement::remove);
        default: return write_owned(table().may_update, "update", has_values() ? RowStatement::update : RowStatement::find_live);
    }
}

RowOperation::Result RowOperation::write_owned(bool allowed, const char* operation, RowStatement statement) {
    require(allowed, operation);
    const auto count = run(statement);
    if (count && *count == rows_) return Result::done;
    if (!count || rows_ > 1) return Result::one_by_one;
    return access_of(statement) && check_row_security() == Result::one_by_one ? Result::one_by_one : Result::no_row;
}

RowOperation::Result RowOperation::insert() {
    require(table().may_insert, "insert");
    return run_any(RowStatement::insert);
}

RowOperation::Result RowOperation::update() {
    require(table().may_update, "update");
    if (!has_values()) return Result::done;
    check_evidence(RowStatement::update);
    return check_written(run(RowStatement::update));
}

RowOperation::Result RowOperation::remove() {
    require(table().may_delete, "delete");
    check_evidence(RowStatement::remove);
    return check_written(run(RowStatement::remove));
}

// First as an update, since an INSERT with ON CONFLICT checks NOT NULL before it finds the row that is there, and needs the right to
// insert, which an update should not need.
RowOperation::Result RowOperation::upsert() {
    const bool is_new = changes_.is_surely_new(form(), statements_.row());
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (table().may_update && !(is_new && attempt == 0))
            if (const Result updated = update_existing(); updated != Result::no_row) return updated;
        require(table().may_insert, "insert");
        if (const Result inserted = run_any(RowStatement::insert_unless_there); inserted != Result::no_row) return inserted;
        // It is there: another transaction has inserted it since, or the role may not see it.
        require(table().may_update, "update");
    }
    if (check_row_security() == Result::one_by_one) return Result::one_by_one;
    return run_any(RowStatement::insert);  // the row is out of this role's sight, and this says so
}

// Done: the row is there, and now is what the change says. An UPDATE needs the right to write its columns even if there is no row. A new
// row does not need that right. So a role that lacks it looks for the row first.
RowOperation::Result RowOperation::update_existing() {
    if (!upsert_changes()) return may_run(RowStatement::find) ? run_any(RowStatement::find) : Result::no_row;
    // To bring back a row that is deleted softly takes one more column than to update one that is not.
    const bool live_only =
        !shape_.deleted.empty() && (table().replace || has_values()) && !may_run(RowStatement::restore) && may_run(RowStatement::update);
    const RowStatement statement = live_only ? RowStatement::update : RowStatement::restore;
    if (!may_run(statement)) {
        if (!may_run(RowStatement::find)) return Result::no_row;
        const Result found = run_any(RowStatement::find);
        return found == Result::done ? run_any(statement) : found;
    }
    if (has_evidence(statement))
        if (const Result written = run_any(statement); written != Result::no_row) return written;
    if (live_only) {
        const auto all = run(RowStatement::find);
        if (!all) return Result::one_by_one;
        const auto live = run(RowStatement::find_live);
        if (!live) return Result::one_by_one;
        if (*all > *live) return run_any(RowStatement::restore);
    }
    if (!shape_.policy.judges()) return Result::no_row;
    if (const Result found = run_any(RowStatement::find); found != Result::done) return found;
    if (check_row_security() == Result::one_by_one) return Result::one_by_one;
    return lose();
}

// The same for several rows, in two statements, as long as nothing is unclear.
RowOperation::Result RowOperation::upsert_several() {
    std::uint64_t updated = 0;
    if (table().may_update && !upsert_changes()) return Result::one_by_one;
    if (table().may_update && may_run(RowStatement::restore)) {
        if (!has_evidence(RowStatement::restore)) return Result::one_by_one;
        const auto count = run(RowStatement::restore);
        if (!count) return Result::one_by_one;
        updated = *count;
        const bool judges = shape_.policy.judges();
        if (updated == rows_ && !touches_unique()) return Result::done;
        if (updated > 0 && (touches_unique() || judges || versions_tell_order())) return Result::one_by_one;
        if (judges && run_any(RowStatement::find) != Result::no_row) return Result::one_by_one;
    }
    require(table().may_insert, "insert");
    // If the role sees all rows, none is there that the UPDATE has not found, and a plain INSERT is cheaper than one with ON CONFLICT. A
    // row that has come since makes it fail, or count too few.
    const auto inserted =
        run(updated == 0 && may_see_all_rows(table().relation) ? RowStatement::insert : RowStatement::insert_unless_there);
    return inserted && updated + *inserted == rows_ ? Result::done : Result::one_by_one;
}

// If a row is not there, its change has no effect. If a row is there and was not written, the role may not write it, or the row has won.
RowOperation::Result RowOperation::check_written(std::optional<std::uint64_t> written) {
    if (!written) return Result::one_by_one;
    const bool judges = shape_.policy.judges();
    if (*written == rows_ || (!judges && !has_row_security(table().relation))) return Result::done;
    if (rows_ > 1 || check_row_security() == Result::one_by_one) return Result::one_by_one;
    if (!judges) return Result::done;
    const Result found = run_any(RowStatement::find_live);
    return found == Result::done ? lose() : found;
}

// UPDATE and DELETE pass over a row that the role may see but not write. A MERGE throws 42501, and looks at the latest version of the row.
// What it does otherwise is undone: the row may have come since, or a trigger may have kept it as it was.
RowOperation::Result RowOperation::check_row_security() {
    if (!has_row_security(table().relation)) return Result::done;
    pg::Subtransaction trial;
    Result result;
    try {
        result = run_any(RowStatement::write_or_refuse);
    } catch (...) {
        trial.roll_back();
        throw;
    }
    trial.roll_back();
    return result;
}

// The change has lost. The error shows the server's row, if the role may read it.
RowOperation::Result RowOperation::lose() {
    std::string detail;
    if (may_read(table().relation)) {
        const Result shown = run_any(RowStatement::show);
        if (shown == Result::one_by_one) return shown;
        if (shown == Result::done) {
            const char* const row = guarded([] { return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1); });
            detail = "The row is " + std::string(row) + " now.";
        }
    }
    throw SqlError(sqlstate::lost_conflict, "row of \"" + table().name + "\" has been changed meanwhile", detail,
                   "Policy \"" + table().conflict + "\".");
}

void RowOperation::require(bool allowed, const char* operation) const {
    if (!allowed)
        throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "clients may not " + std::string(operation) + " rows of \"" + table().name + "\"",
                       {}, "It was exposed without that operation.", pg::Defect::possible);
}

// OVERRIDING SYSTEM VALUE could write it, but the owner of the table has said that the server chooses.
void RowOperation::check_assigned() const {
    for (std::size_t i = 0; i < shape_.columns.size(); ++i)
        if (const RowColumn& column = shape_.columns[i]; column.always_assigned && form().has_value(i))
            throw SqlError(ERRCODE_GENERATED_ALWAYS,
                           "clients cannot choose \"" + column.client + "\" of a new row of \"" + table().name + "\"",
                           "The column is GENERATED ALWAYS AS IDENTITY.",
                           "Leave it out, or call " + set_by_default(table().relation, column.name) + ".");
}

bool RowOperation::has_evidence(RowStatement statement) const {
    const auto access = access_of(statement);
    return !access || shape_.policy.has_evidence(shape_.columns, form(), *access);
}

// A change that does not say what it was based on cannot be judged.
void RowOperation::check_evidence(RowStatement statement) const {
    if (!has_evidence(statement)) throw shape_.policy.lack_of_evidence(table());
}

}  // namespace

bool write_rows(const TableShape& shape, RowStatements& statements, const PendingRows& changes, Timing timing,
                std::optional<pg::PgError>& error) {
    RowOperation operation(shape, statements, changes, timing);
    const bool written = operation.write() != RowOperation::Result::one_by_one;
    error = std::move(operation.error());
    return written;
}

bool write_owned_rows(const TableShape& shape, RowStatements& statements, const PendingRows& changes, Timing timing,
                      std::optional<pg::PgError>& error) {
    RowOperation operation(shape, statements, changes, timing);
    const bool written = operation.write_owned() == RowOperation::Result::done;
    error = std::move(operation.error());
    return written;
}

// The answer for a user's rows tells of each row in the order of the changes. Rows come back in this order from an INSERT. From an UPDATE
// they have numbers. A deletion answers with the row as it was.
bool may_write_together(const TableShape& shape, const ChangeForm& form) {
    switch (form.kind()) {
        case Kind::update: return (has_values(shape, form) || !form.is_owned()) && !touches_unique(shape, form);
        case Kind::insert: return true;
        default: return !form.is_owned();
    }
}

bool may_move_unique(const TableShape& shape, const ChangeForm& form) {
    return form.kind() == Kind::update ? touches_unique(shape, form) : !shape.set_wise.unique.empty();
}

}  // namespace replicache::engine
