#include "engine/rows/row_writer.h"

#include "engine/table/relation.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"

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
    pending_statements_ = nullptr;
}

// If one row changes twice, the outcome takes two statements.
bool RowWriter::fits(const ParsedChange& change) const {
    return pending_statements_ == nullptr ||
           (pending_statements_->form() == change.form && pending_.has_room_for(change) && !pending_.has_row_of(change));
}

void RowWriter::add(const ParsedChange& change) {
    if (pending_statements_ == nullptr) pending_statements_ = &statements_of(change.form);
    pending_.add(change, pending_statements_->row());
}

bool RowWriter::may_defer() const {
    const SetWise& set_wise = shape_.set_wise;
    const RowChange::Kind kind = pending_statements_->form().kind();
    if (kind == RowChange::Kind::remove ? !set_wise.removes : !set_wise.changes) return false;
    return (kind == RowChange::Kind::insert || set_wise.by_key) && pending_statements_->are_set_wise();
}

bool RowWriter::write(Timing timing) {
    pending_.connect(pending_statements_->row());
    if (!write_rows(shape_, *pending_statements_, pending_.count(), timing)) return false;
    guarded([] { SPI_finish(); });
    pending_.clear();
    pending_statements_ = nullptr;
    return true;
}

std::optional<RowWriter::OwnedRow> RowWriter::write_owned(const RowChange& change, std::string_view owner) {
    begin();
    const std::unique_ptr<RowWriter, void (*)(RowWriter*)> use(this, [](RowWriter* writer) { writer->end(); });
    const auto parsed = parse_owned_change(shape_, change, owner);
    if (!parsed) return std::nullopt;
    add(*parsed);
    pending_.connect(pending_statements_->row());
    std::optional<OwnedRow> row;
    if (write_owned_row(shape_, *pending_statements_)) {
        // Code that the statement has called can have altered the table.
        if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) != INT8OID) guarded([this] { raise_changed(relation()); });
        const pg::Rows rows(SPI_tuptable, 1);
        row = {.id = rows.text(0, 2).value_or(""),
               .identity = rows.text(0, 3).value_or("{}"),
               .data = rows.text(0, 4).value_or("{}"),
               .version = rows.int8(0, 1)};
    }
    guarded([] { SPI_finish(); });
    return row;
}

RowStatements& RowWriter::statements_of(const ChangeForm& form) {
    if (const auto it = statements_.find(form); it != statements_.end()) return it->second;
    if (statements_.size() >= max_forms) statements_.clear();
    return statements_.try_emplace(form, shape_, form).first->second;
}

std::shared_ptr<RowWriter> find_row_writer(const std::string& name, LOCKMODE lock) {
    for (Oid locked = InvalidOid;;) {
        if (!writers.valid) {
            writers.by_name.clear();
            writers.relations = {pg::own_relation("exposed_table"), pg::own_relation("tracked_table")};
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
