#include "engine/rows/row_writer.h"

#include "engine/space/space.h"
#include "engine/table/relation.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"
#include "pg/table.h"

extern "C" {
#include "storage/lmgr.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

// How many forms of changes have statements that are kept. Clients choose which columns they change.
constexpr std::size_t max_forms = 100;

struct Writers {
    std::unordered_map<std::string, std::shared_ptr<RowWriter>> by_name;
    std::vector<Oid> relations;  // the exposed tables, and the registries
    pg::TableState exposed;      // the registries, when this became valid
    pg::TableState tracked;
    bool valid = false;
} writers;

const pg::RelationListener exposed_listener([](Oid relation) noexcept {
    if (relation == InvalidOid || std::find(writers.relations.begin(), writers.relations.end(), relation) != writers.relations.end())
        writers.valid = false;
});
void at_catalog_change() noexcept { writers.valid = false; }
// The statements name schemas, and renaming one invalidates none of its tables.
const pg::CatalogListener schema_listener(NAMESPACEOID, at_catalog_change);
const pg::CatalogListener function_listener(PROCOID, at_catalog_change);
const pg::CatalogListener constraint_listener(CONSTROID, at_catalog_change);
const pg::CatalogListener cast_listener(CASTSOURCETARGET, at_catalog_change);  // a CHECK may make JSON

}  // namespace

RowWriter::RowWriter(const ExposedTable& table)
    : shape_(table),
      reader_(shape_.resource ? std::make_unique<ResourceReader>(*shape_.resource, shape_.storage) : nullptr),
      pending_(shape_) {}

void RowWriter::begin() {
    if (in_use_)
        throw SqlError(ERRCODE_FEATURE_NOT_SUPPORTED,
                       "a trigger of \"" + shape_.table.name + "\" cannot apply changes of clients to this table", {},
                       "Write the row by plain SQL.");
    // READ COMMITTED writes under snapshots that are younger than the table's lock. To others, all rows could be missing.
    if (IsolationUsesXactSnapshot() && storage().is_newer_than(guarded([] { return GetTransactionSnapshot(); })))
        refuse_old_snapshot(relation());
    in_use_ = true;
}

void RowWriter::end() {
    in_use_ = false;
    pending_.clear();
}

bool RowWriter::fits(const ParsedChange& change) {
    const auto groups = pending_.groups();
    if (groups.empty()) return true;
    if (!pending_.has_room_for(change) || pending_.has_row_of(change)) return false;
    if (pending_.find(change.form) != nullptr) return true;
    const auto known = statements_.find(change.form);
    const auto is_beside_others = [this](const RowStatements& s) { return may_defer(s) && is_independent(s); };
    return groups.size() < PendingGroups::max_groups && known != statements_.end() && !versions_tell_ && !versions_tell_order() &&
           is_beside_others(known->second) && (groups.size() > 1 || is_beside_others(*groups.front().statements));
}

bool RowWriter::add(const ParsedChange& change) {
    PendingGroups::Group* group = pending_.find(change.form);
    if (group == nullptr) group = &pending_.add_group(statements_of(change.form));
    pending_.add(change, *group);
    return may_defer(*group->statements);
}

bool RowWriter::may_defer(const RowStatements& statements) const {
    const SetWise& set_wise = shape_.set_wise;
    const RowChange::Kind kind = statements.form().kind();
    return (kind == RowChange::Kind::remove ? set_wise.removes : set_wise.changes) &&
           (kind == RowChange::Kind::insert || set_wise.by_key) && may_write_together(shape_, statements.form()) &&
           statements.are_set_wise() && (statements.keep_order() || !(versions_tell_ || versions_tell_order()));
}

// Whether nothing can tell if changes of this form were written before or after changes of other rows. A table that is written set-wise
// runs no code of others. Its rows refer to no row of the table, and writing them changes no other table. What is left: which row gets a
// unique value, the numbers of sequences, our own tables, and the order of the versions, which the caller looks at.
bool RowWriter::is_independent(const RowStatements& statements) const {
    const ChangeForm& form = statements.form();
    return !form.is_owned() && pending_.is_keyed(form) && !may_move_unique(shape_, form) && !statements.tell_order();
}

std::string RowWriter::why_not_set_wise(const ChangeForm& form, RowStatement statement) {
    RowStatements& statements = statements_of(form);
    PendingRows(shape_).connect(statements.row());
    std::string why = statements.why_not_set_wise(statement);
    guarded([] { SPI_finish(); });
    return why;
}

bool RowWriter::write(Timing timing, std::optional<pg::PgError>& error) {
    const bool reordered = pending_.groups().size() > 1, told = versions_tell_order();
    bool in_order = !reordered;
    for (PendingGroups::Group& group : pending_.groups()) {
        group.rows.connect(group.statements->row());
        if (!write_rows(shape_, *group.statements, group.rows, reordered ? Timing::reordered : timing, error)) return false;
        guarded([] { SPI_finish(); });
        in_order = in_order && (group.rows.count() == 1 || group.statements->keep_order());
    }
    pending_.clear();
    const bool tell = versions_tell_order();
    if (tell && !told) versions_tell_ = true;
    return in_order || !tell;
}

bool RowWriter::write_owned(Timing timing, std::vector<OwnedRow>& rows, std::optional<pg::PgError>& error) {
    constexpr int number_column = 5;
    const PendingGroups::Group& group = pending_.groups().front();
    group.rows.connect(group.statements->row());
    if (!write_owned_rows(shape_, *group.statements, group.rows, timing, error)) return false;
    // Code that the statement has called can have altered the table.
    if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) != INT8OID) guarded([this] { raise_changed(relation()); });
    const pg::Rows written(SPI_tuptable, SPI_processed);
    for (std::uint64_t i = 0; i < written.count(); ++i) {
        if (SPI_tuptable->tupdesc->natts >= number_column && written.int8(i, number_column) != static_cast<std::int64_t>(i)) return false;
        rows.push_back({.id = written.text(i, 2).value_or(""),
                        .identity = written.text(i, 3).value_or("{}"),
                        .data = written.text(i, 4).value_or("{}"),
                        .version = written.int8(i, 1)});
    }
    guarded([] { SPI_finish(); });
    pending_.clear();
    return true;
}

RowStatements& RowWriter::statements_of(const ChangeForm& form) {
    if (const auto it = statements_.find(form); it != statements_.end()) return it->second;
    if (statements_.size() >= max_forms) statements_.clear();
    return statements_.try_emplace(form, shape_, form).first->second;
}

void confirm_row_writers() {
    if (writers.valid && (pg::TableState("exposed_table") != writers.exposed || pg::TableState("tracked_table") != writers.tracked))
        writers.valid = false;
}

std::shared_ptr<RowWriter> find_row_writer(const std::string& name, LOCKMODE lock) {
    for (Oid locked = InvalidOid;;) {
        if (!writers.valid) {
            writers.by_name.clear();
            writers.relations = {pg::own_relation("exposed_table"), pg::own_relation("tracked_table")};
            writers.exposed = pg::TableState("exposed_table");
            writers.tracked = pg::TableState("tracked_table");
            writers.exposed.await_messages();
            writers.tracked.await_messages();
            writers.valid = true;  // before reading: an invalidation that arrives meanwhile must not be lost
        }
        const auto it = writers.by_name.find(name);
        std::shared_ptr<RowWriter> writer = it == writers.by_name.end() ? nullptr : it->second;
        const auto table = writer ? std::nullopt : exposed_table(name);
        const Oid relation = writer ? writer->relation() : table ? table->relation : InvalidOid;
        if (!writer) guarded([] { AcceptInvalidationMessages(); });  // what the registry knows, the catalog caches must know, too
        if (OidIsValid(relation) && relation != locked) {
            guarded([=] { LockRelationOid(relation, lock); });
            locked = relation;
            if (!writers.valid) continue;  // something has changed before we had the lock
        }
        if (!OidIsValid(relation) || (!writer && name_of(relation).empty())) return nullptr;
        if (!writer) {
            writers.relations.push_back(relation);
            writer = std::make_shared<RowWriter>(*table);
            if (writers.valid) writers.by_name[name] = writer;
        }
        return writer;
    }
}

std::shared_ptr<RowWriter> require_row_writer(const std::string& name, LOCKMODE lock) {
    auto writer = find_row_writer(name, lock);
    if (!writer)
        throw SqlError(ERRCODE_UNDEFINED_TABLE, "table \"" + name + "\" is not exposed", {},
                       "Expose it by replicache.expose_crud; a queue of calls, by replicache.register_mutator_queue.",
                       pg::Defect::possible);
    return writer;
}

std::shared_ptr<RowWriter> find_resource(const std::string& name, LOCKMODE lock) {
    auto writer = find_row_writer(name, lock);
    return writer && writer->resource() != nullptr ? writer : nullptr;
}

}  // namespace replicache::engine
