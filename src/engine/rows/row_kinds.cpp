// What a RowWriter does for each kind of change: which statements, and what their row counts say.
#include "engine/rows/row_writer.h"
#include "engine/space/space.h"
#include "pg/compat.h"
#include "pg/json_text.h"

extern "C" {
#include "utils/rls.h"
}

namespace replicache::engine {

using pg::guarded;
using pg::SqlError;

void RowWriter::require(bool allowed, const char* operation) const {
    if (!allowed)
        throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "clients may not " + std::string(operation) + " rows of \"" + table_.name + "\"", {},
                       "It was exposed without that operation.", pg::Defect::possible);
}

// By OVERRIDING SYSTEM VALUE it could be written, but the owner has said that the server chooses.
void RowWriter::check_assigned() const {
    for (const Column& column : columns_)
        if (column.given && column.always_assigned)
            throw SqlError(ERRCODE_GENERATED_ALWAYS,
                           "clients cannot choose \"" + column.client + "\" of a new row of \"" + table_.name + "\"",
                           "The column is GENERATED ALWAYS AS IDENTITY.",
                           "Leave it out, or call " + set_by_default(table_.relation, column.name) + ".");
}

void RowWriter::insert() {
    require(table_.may_insert, "insert");
    run(Statement::insert);
}

void RowWriter::update() {
    require(table_.may_update, "update");
    if (!has_values()) return;
    if (waiting_ > 1 && touches_unique()) refuse_set();
    check_evidence(Statement::update);
    check_written(run(Statement::update));
}

void RowWriter::remove() {
    require(table_.may_delete, "delete");
    check_evidence(Statement::remove);
    check_written(run(Statement::remove));
}

RowWriter::Statement RowWriter::owned_statement() const {
    switch (kind_) {
        case RowChange::Kind::insert: require(table_.may_insert, "insert"); return Statement::insert;
        case RowChange::Kind::remove: require(table_.may_delete, "delete"); return Statement::remove;
        default: require(table_.may_update, "update"); return has_values() ? Statement::update : Statement::find_live;
    }
}

void RowWriter::upsert() {
    if (waiting_ > 1)
        upsert_several();
    else
        upsert_one();
}

// First as an update, since an INSERT with ON CONFLICT checks NOT NULL before it finds the row that is there, and wants the right
// to insert, which an update should not need.
void RowWriter::upsert_one() {
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (table_.may_update && update_existing()) return;
        require(table_.may_insert, "insert");
        if (run(Statement::insert_unless_there) > 0) return;
        // It is there: another transaction has inserted it since, or the role may not see it.
        require(table_.may_update, "update");
    }
    check_policies();
    run(Statement::insert);  // the row is out of this role's sight, and this says so
}

// Whether the row is there, and now is what the change says. An UPDATE wants the right to write its columns even if there is no row. A new
// row does not need that right: so a role that lacks it looks for the row first.
bool RowWriter::update_existing() {
    if (!upsert_changes()) return may_run(Statement::find) && run(Statement::find) > 0;
    // To bring back a row that is deleted softly takes one more column than to update one that is not.
    const bool live_only =
        !deleted_.empty() && (table_.replace || has_values()) && !may_run(Statement::restore) && may_run(Statement::update);
    const Statement statement = live_only ? Statement::update : Statement::restore;
    if (!may_run(statement)) return may_run(Statement::find) && run(Statement::find) > 0 && run(statement) > 0;
    if (has_evidence(statement) && run(statement) > 0) return true;
    if (live_only && run(Statement::find) > run(Statement::find_live)) return run(Statement::restore) > 0;
    if (conflict_ == Conflict::last_write || run(Statement::find) == 0) return false;
    check_policies();
    lose();
}

// The same in two statements, as long as nothing is unclear.
void RowWriter::upsert_several() {
    std::uint64_t updated = 0;
    if (table_.may_update && !upsert_changes()) refuse_set();
    if (table_.may_update && may_run(Statement::restore)) {
        if (!has_evidence(Statement::restore)) refuse_set();
        updated = run(Statement::restore);
        if (updated == waiting_ && !touches_unique()) return;
        if (updated > 0 && (touches_unique() || conflict_ != Conflict::last_write || versions_tell_order())) refuse_set();
        if (conflict_ != Conflict::last_write && run(Statement::find) > 0) refuse_set();
    }
    require(table_.may_insert, "insert");
    // A row that has come since makes this fail, or count too few.
    const std::uint64_t inserted = run(updated == 0 && may_see_all_rows() ? Statement::insert : Statement::insert_unless_there);
    if (updated + inserted != waiting_) refuse_set();
}

// Then no row is there that an UPDATE has not found, and a plain INSERT is cheaper than one with ON CONFLICT.
bool RowWriter::may_see_all_rows() const {
    return guarded([relation = table_.relation] {
        return pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
               check_enable_rls(relation, InvalidOid, true) != RLS_ENABLED;
    });
}

bool RowWriter::upsert_changes() const { return table_.replace || !deleted_.empty() || has_values(); }

// Whether the changes write columns in which rows must differ: then it matters in which order.
bool RowWriter::touches_unique() const {
    return std::any_of(
        columns_.begin(), columns_.end(),
        [this](const Column& c) {
            const bool written = c.given || is_conflict_column(c) ||
                                 (form_->kind == RowChange::Kind::upsert && (c.name == deleted_ || (c.writable && table_.replace)));
            return written && !is_key(c) && set_wise_.keeps_rows_apart(c.number);
        });
}

bool RowWriter::has_values() const {
    return std::any_of(
        columns_.begin(), columns_.end(), [this](const Column& c) { return c.given && !is_key(c) && !is_owner(c); });
}

std::optional<RowWriter::OwnedRow> RowWriter::write_owned(const RowChange& change, std::string_view owner) {
    begin();
    const std::unique_ptr<RowWriter, void (*)(RowWriter*)> done(this, [](RowWriter* writer) {
        writer->owner_.clear();
        writer->end();
    });
    owner_ = pg::json_string(owner);
    read(change);
    add();
    put_off_ = false;
    open();
    std::optional<OwnedRow> row;
    const Statement statement = owned_statement();
    if (run(statement) > 0) {
        if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) != INT8OID) guarded([this] { raise_changed(table_.relation); });
        const pg::Rows rows(SPI_tuptable, 1);
        row = {.id = rows.text(0, 2).value_or(""),
               .identity = rows.text(0, 3).value_or("{}"),
               .data = rows.text(0, 4).value_or("{}"),
               .version = rows.int8(0, 1)};
    } else if (statement == Statement::update || statement == Statement::remove) {
        check_policies();
    }
    guarded([] { SPI_finish(); });
    return row;
}

}  // namespace replicache::engine
