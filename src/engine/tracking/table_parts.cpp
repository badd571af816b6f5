// TableView: tables whose rows are visible by parts. The view of a client has the names of the parts, and not the keys of the rows.
#include "engine/table/canonical_space.h"
#include "engine/tracking/table_view.h"
#include "engine/tracking/trackable.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/array.h"
#include "pg/compat.h"
#include "pg/identity.h"

namespace replicache::engine {

using pg::guarded;

// Names stand among the keys of private tables. No key begins with a NUL.
std::string TableView::part_name(std::string_view part) const { return ClientView::part_prefix(table_.relation).append(part); }

void TableView::prepare_parts() {
    if (!parts_plan_) parts_plan_ = pg::Plan("SELECT p.part FROM (" + table_.parts + "\n) AS p(part)");
}

void TableView::mark_parts(ClientView& view) {
    const SPITupleTable* found = nullptr;
    Oid type = InvalidOid;
    try {
        prepare_parts();
        found = guarded([this] {
            SPIExecuteOptions options{};
            options.read_only = true;
            const int code = SPI_execute_plan_extended(parts_plan_.get(), &options);
            if (code < 0) elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
            return SPI_tuptable;
        });
        type = guarded([found] { return getBaseType(TupleDescAttr(found->tupdesc, 0)->atttypid); });
        if (!can_name(type) || space_kind(type) != space_kind(part_->type)) guarded([this] { raise_changed(table_.relation); });
    } catch (pg::PgError& error) {
        explain(error, watched_, Fault::table);
        throw;
    }
    const auto text = pg::ScalarText::of(type);
    for (std::uint64_t i = 0; i < found->numvals; ++i) {
        pg::check_interrupts();
        const auto part = guarded([&]() -> std::string_view {
            bool null;
            const Datum datum = SPI_getbinval(found->vals[i], found->tupdesc, 1, &null);
            return null ? std::string_view() : (*text)(datum);
        });
        if (part.data() != nullptr) view.keys().visit(part_name(part)).marks |= ClientView::visible;
    }
}

bool TableView::was_held(const ClientView& view, std::string_view key, std::string_view part) const {
    if (!has_parts() || !may_have(key)) return false;
    return view.holds(part_name(part));
}

bool TableView::owner_sees_all() const {
    return guarded([this] {
        Relation const relation = relation_open(table_.relation, NoLock);
        const FormData_pg_class& table = *relation->rd_rel;
        const bool all = !(table.relrowsecurity && table.relforcerowsecurity) &&
                         pg_class_aclcheck(table_.relation, table.relowner, ACL_SELECT) == ACLCHECK_OK &&
                         pg::may_use_schema(table.relnamespace, table.relowner);
        relation_close(relation, NoLock);
        return all;
    });
}

void TableView::append_parts(StringInfo out, ClientView& view, const Wanted& wanted) {
    const auto values = space_values(wanted.space);
    if (!values) return;
    const auto run = [&](Query query, Where where, const std::vector<std::string>& parts) {
        if (!parts.empty())
            this->run(
                {.out = out, .query = query, .where = where, .versions = wanted.versions, .space = *values, .more = {part_array(parts)}});
    };
    const auto run_changed = [&](Query query, const std::vector<std::string>& parts) {
        run(query, Where::range, parts);
        if (!wanted.versions.also.empty()) run(query, Where::listed, parts);
    };
    const ClientView::Parts parts = view.parts_of(table_.relation);
    if (!parts.gone.empty()) {
        Relation const relation = guarded([this] { return relation_open(table_.relation, NoLock); });
        {
            const pg::AsTableOwner owner(relation);
            run(Query::gone, Where::all, parts.gone);
        }
        guarded([relation] { relation_close(relation, NoLock); });
    }
    if (wanted.all) {
        if (soft_deletes()) run(Query::soft_deleted, Where::all, parts.kept);
        run(Query::everything, Where::all, parts.kept);
        return run(Query::everything, Where::all, parts.added);
    }
    if (soft_deletes()) run_changed(Query::soft_deleted, parts.kept);
    run_changed(Query::changed, parts.kept);
    if (wanted.page == nullptr) return run(Query::everything, Where::all, parts.added);
    // A page has whole parts. The client holds only those that it has got.
    for (const std::string& part : parts.added) {
        if (wanted.page->is_full()) {
            wanted.page->stop();
            view.keys().at(part_name(part)).marks &= ~ClientView::visible;
            continue;
        }
        run(Query::everything, Where::all, {part});
        wanted.page->note();
    }
}

Datum TableView::part_array(const std::vector<std::string>& parts) const {
    std::vector<pg::Value> values;
    for (const std::string& part : parts)
        if (const auto value = space_value(part_->type, part)) values.push_back(*value);
    std::int16_t length = 0;
    bool by_value = false;
    char align = 0;
    guarded([&] { get_typlenbyvalalign(part_->type, &length, &by_value, &align); });
    return pg::array_datum(values, part_->type, length, by_value, align);
}

}  // namespace replicache::engine
