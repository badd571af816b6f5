#include "pg/own_table.h"

#include "pg/border.h"
#include "pg/invalidation.h"

namespace replicache::pg {
namespace {

// Every request looks for the same few tables, and each look-up in the catalog caches costs a tenth of what it takes to lock a row.
struct KnownRelations {
    struct Relation {
        NameData name;
        Oid oid;
    } relations[32];
    int count = 0;
    std::uint64_t changes = 0;  // that this backend has heard of
};
KnownRelations known;

bool is_known(Oid relation) {
    return std::any_of(
        known.relations, known.relations + known.count, [relation](const auto& k) { return k.oid == relation; });
}

const RelationListener relation_listener([](Oid relation) noexcept {
    ++known.changes;
    if (relation == InvalidOid || is_known(relation)) known.count = 0;
});
const CatalogListener schema_listener(NAMESPACEOID, []() noexcept {
    ++known.changes;
    known.count = 0;
});

}  // namespace

Oid own_relation(const char* name) {
    return guarded([name] { return find_own_relation(name); });
}

Oid own_function(const char* name) {
    return guarded([name] {
        const Oid function =
            GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name), PointerGetDatum(buildoidvector(nullptr, 0)),
                            ObjectIdGetDatum(get_namespace_oid("replicache", false)));
        if (!OidIsValid(function))
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("function replicache.%s() does not exist", name)));
        return function;
    });
}

void tell_of_change(const char* registry) {
    guarded([relation = own_relation(registry)] { CacheInvalidateRelcacheByRelid(relation); });
}

void refuse_null() {
    throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "unexpected null in a table of replicache_ext", {}, not_to_be_altered);
}

std::string required(std::optional<std::string> text) {
    if (!text) refuse_null();
    return *std::move(text);
}

Oid find_own_relation(const char* name) {
    for (int i = 0; i < known.count; ++i)
        if (std::strcmp(NameStr(known.relations[i].name), name) == 0) return known.relations[i].oid;
    const std::uint64_t changes = known.changes;
    const Oid oid = get_relname_relid(name, get_namespace_oid("replicache", false));
    // What has changed during the look-up may be about this relation.
    if (OidIsValid(oid) && changes == known.changes && known.count < static_cast<int>(std::size(known.relations))) {
        auto& relation = known.relations[known.count++];
        namestrcpy(&relation.name, name);
        relation.oid = oid;
    }
    return oid;
}

void raise_missing(const char* name) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation \"replicache.%s\" does not exist", name)));
    pg_unreachable();
}

static bool is_of_type(const FormData_pg_attribute& attribute, ColumnType type) {
    switch (type) {
        case ColumnType::text: return attribute.atttypid == TEXTOID || attribute.atttypid == JSONOID;
        case ColumnType::number: return attribute.attbyval && attribute.attlen == sizeof(Datum);
        case ColumnType::bytes: return attribute.atttypid == BYTEAOID;
        case ColumnType::date: return attribute.atttypid == DATEOID;
    }
    return false;
}

void check_column(Relation relation, int column, ColumnType type) {
    const TupleDesc columns = relation->rd_att;
    if (column <= columns->natts) {
        const FormData_pg_attribute& attribute = *TupleDescAttr(columns, column - 1);
        if (!attribute.attisdropped && is_of_type(attribute, type)) return;
    }
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("column %d of \"replicache.%s\" has been altered", column, RelationGetRelationName(relation)),
                    errhint("%s", not_to_be_altered)));
}

}  // namespace replicache::pg
