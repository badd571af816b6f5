#include "pg/spi.h"

#include "pg/identity.h"
#include "pg/own_table.h"

extern "C" {
#include "catalog/pg_namespace_d.h"
#include "utils/plancache.h"
}

namespace replicache::pg {
namespace {

[[noreturn]] void fail(const char* what, int code) {
    throw SqlError(ERRCODE_INTERNAL_ERROR, std::string(what) + " failed: " + SPI_result_code_string(code));
}

// Throws unless all tables that the statement names are the extension's own, or catalogs.
void check_is_own(SPIPlanPtr plan) {
    guarded([plan] {
        const Oid own = get_namespace_oid("replicache", false);
        const List* const sources = SPI_plan_get_plan_sources(plan);
        for (int i = 0; i < list_length(sources); ++i) {
            const List* const relations = static_cast<CachedPlanSource*>(list_nth(sources, i))->relationOids;
            for (int n = 0; n < list_length(relations); ++n)
                if (const Oid schema = get_rel_namespace(list_nth_oid(relations, n)); schema != own && schema != PG_CATALOG_NAMESPACE)
                    elog(ERROR, "a statement that runs as the owner of replicache_ext names a table outside the extension");
        }
    });
}

}  // namespace

Value Rows::get(std::uint64_t row, int column) const {
    Value value;
    value.datum = SPI_getbinval(table_->vals[row], table_->tupdesc, column, &value.null);
    return value;
}

std::optional<std::string> Rows::text(std::uint64_t row, int column) const {
    const Value value = get(row, column);
    if (value.null) return std::nullopt;
    // It is no text if a column of the extension was altered by hand.
    if (TupleDescAttr(table_->tupdesc, column - 1)->attlen != -1)
        throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                       "column \"" + std::string(NameStr(TupleDescAttr(table_->tupdesc, column - 1)->attname)) +
                           "\" of a table of replicache_ext is not of type text any more",
                       {}, not_to_be_altered);
    return std::string(view_of_text(value.datum));
}

bool Statement::prepare() {
    if (plan_ != nullptr) return false;
    plan_ = guarded([this] {
        const SPIPlanPtr plan = SPI_prepare(sql_, static_cast<int>(types_.size()), types_.data());
        if (plan != nullptr) SPI_keepplan(plan);
        return plan;
    });
    if (plan_ == nullptr) fail("SPI_prepare", SPI_result);
    return true;
}

Rows OwnStatement::run(std::initializer_list<Value> values, Snapshot snapshot) {
    const AsOwner owner;
    if (prepare()) check_is_own(plan());
    return Statement::run(values, snapshot);
}

Rows Statement::run(std::initializer_list<Value> values, Snapshot snapshot) {
    prepare();
    return run_plan(plan_, values, snapshot);
}

Rows run_plan(SPIPlanPtr plan, std::initializer_list<Value> values, Snapshot snapshot) {
    constexpr std::size_t max_values = 16;
    Datum datums[max_values];
    char nulls[max_values];
    std::size_t n = 0;
    for (const Value& value : values) {
        datums[n] = value.datum;
        nulls[n++] = value.null ? 'n' : ' ';
    }
    const int code = guarded([&] {
        if (snapshot == Snapshot::latest) PushActiveSnapshot(GetLatestSnapshot());
        const int result = SPI_execute_plan(plan, datums, nulls, snapshot != Snapshot::fresh, 0);
        if (snapshot == Snapshot::latest) PopActiveSnapshot();
        return result;
    });
    if (code < 0) fail("SPI_execute_plan", code);
    return Rows(SPI_tuptable, SPI_processed);
}

Rows run_once(const std::string& sql) {
    const int code = guarded([text = sql.c_str()] { return SPI_execute(text, false, 0); });
    if (code < 0) fail("SPI_execute", code);
    return Rows(SPI_tuptable, SPI_processed);
}

std::string quote_identifier(const std::string& name) {
    return guarded([text = name.c_str()] { return ::quote_identifier(text); });
}

std::string quote_literal(const std::string& text) {
    return guarded([t = text.c_str()] { return quote_literal_cstr(t); });
}

std::string qualified_name(Oid relation) {
    return guarded([relation] {
        const char* const name = get_rel_name(relation);
        if (name == nullptr) ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
        return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name);
    });
}

}  // namespace replicache::pg
