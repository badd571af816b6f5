#include "engine/rows/why_one_by_one.h"

#include "engine/rows/row_writer.h"
#include "engine/table/relation.h"
#include "pg/settings.h"

namespace replicache::engine {
namespace {

using Kind = RowChange::Kind;

std::string why_by_settings() {
    if (!pg::settings.set_wise) return "replicache.set_wise is off";
    if (!pg::settings.optimistic_runs) return "replicache.optimistic_runs is off";
    return {};
}

std::string why_by_table(const TableShape& shape, Kind kind) {
    if (!shape.has_safe_input) return "a domain of a column has a CHECK that could read a table";
    const SetWise& set_wise = shape.set_wise;
    if (!set_wise.why_not.empty()) return set_wise.why_not;
    if (kind == Kind::remove && !set_wise.removes) return "a foreign key of another table cascades";
    if (kind != Kind::insert && !set_wise.by_key) return "equal values of the primary key can have different bytes";
    return {};
}

// A change that sets all columns shows all policies, and a new row that leaves out what it may shows all defaults.
ChangeForm widest_form(const TableShape& shape, Kind kind) {
    ChangeForm form(kind, ChangeForm::Rows::of_anyone, shape.columns.size());
    const bool may_be_new = kind == Kind::insert || kind == Kind::upsert;
    for (std::size_t i = 0; i < shape.columns.size(); ++i) {
        const RowColumn& column = shape.columns[i];
        const bool has_value = column.is_key          ? kind != Kind::insert || column.writable || !column.assigned
                               : kind == Kind::remove ? false
                                                      : column.writable && !(may_be_new && column.assigned);
        if (has_value) form.add_value(i);
        if (shape.policy.judges() && column.is_judged && !column.is_key && !may_be_new) form.add_old(i);
    }
    return form;
}

bool is_key_generated(const TableShape& shape) {
    return std::any_of(
        shape.columns.begin(), shape.columns.end(), [](const RowColumn& c) { return c.is_key && c.always_assigned; });
}

bool has_values(const TableShape& shape) {
    return std::any_of(
        shape.columns.begin(), shape.columns.end(), [](const RowColumn& c) { return !c.is_key && c.writable; });
}

// As in row_operation.cpp.
std::string why_by_update(const TableShape& shape, const ChangeForm& form) {
    for (const RowColumn& column : shape.columns)
        if (!column.is_key && (column.writable || column.is_conflict) && shape.set_wise.keeps_rows_apart(column.number))
            return "a unique or exclusion constraint may involve column " + column.name;
    if (form.kind() == Kind::upsert && !shape.policy.has_evidence(shape.columns, form, ConflictPolicy::Access::update))
        return "policy \"" + shape.table.conflict + "\" judges each upsert by itself";
    return {};
}

std::string why_one_by_one(RowWriter& writer, Kind kind) {
    const TableShape& shape = writer.shape();
    if (auto why = why_by_settings(); !why.empty()) return why;
    if (auto why = why_by_table(shape, kind); !why.empty()) return why;
    const ChangeForm form = widest_form(shape, kind);
    switch (kind) {
        case Kind::insert: return writer.why_not_set_wise(form, RowStatement::insert);
        case Kind::remove: return writer.why_not_set_wise(form, RowStatement::remove);
        case Kind::update:
            if (!has_values(shape)) return {};
            if (auto why = why_by_update(shape, form); !why.empty()) return why;
            return writer.why_not_set_wise(form, RowStatement::update);
        case Kind::upsert:
            if (!has_values(shape) && !shape.table.replace && shape.deleted.empty()) return "there is no column but the key";
            if (auto why = why_by_update(shape, form); !why.empty()) return why;
            if (auto why = writer.why_not_set_wise(widest_form(shape, Kind::update), RowStatement::restore); !why.empty()) return why;
            return is_key_generated(shape) ? "" : writer.why_not_set_wise(form, RowStatement::insert_unless_there);
    }
    return {};
}

}  // namespace

std::vector<WhyOneByOne> why_one_by_one(Oid relation) {
    const pg::SpiConnection spi;
    const auto name = exposed_name(relation);
    const auto writer = name ? find_row_writer(*name, RowExclusiveLock) : nullptr;  // as writers do
    if (!writer)
        throw pg::SqlError(ERRCODE_UNDEFINED_OBJECT, "table \"" + name_of(relation) + "\" is not exposed", {},
                           "Expose it by replicache.expose_crud.");
    const ExposedTable& table = writer->shape().table;
    writer->begin();
    const std::unique_ptr<RowWriter, void (*)(RowWriter*)> use(writer.get(), [](RowWriter* w) { w->end(); });
    std::vector<WhyOneByOne> result;
    const auto add = [&](const char* operation, Kind kind) { result.push_back({operation, why_one_by_one(*writer, kind)}); };
    if (table.may_insert) add("insert", Kind::insert);
    if (table.may_insert && table.may_update) add("upsert", Kind::upsert);
    if (table.may_update) add("update", Kind::update);
    if (table.may_delete) add("delete", Kind::remove);
    return result;
}

}  // namespace replicache::engine
