#include "engine/table/relation.h"

#include "pg/compat.h"

extern "C" {
#include "catalog/catalog.h"
#include "storage/lmgr.h"
}

namespace replicache::engine {

using pg::guarded;

std::string name_of(Oid relation) {
    return guarded([relation]() -> const char* {
        const char* name = get_rel_name(relation);
        return name != nullptr ? name : "";
    });
}

void check_owner(Oid relation) {
    guarded([relation] {
        if (get_rel_name(relation) == nullptr)
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation)));
        if (!pg::owns_relation(relation)) aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relation));
    });
}

void lock_owned(Oid relation, LOCKMODE lock) {
    check_owner(relation);
    guarded([=] { LockRelationOid(relation, lock); });
    check_owner(relation);
}

bool is_catalog(Oid relation) {
    return guarded([relation] { return IsCatalogRelationOid(relation); });
}

std::vector<AttrNumber> identifying_columns(Relation relation, const std::vector<std::string>& otherwise) {
    std::vector<AttrNumber> columns;
    const Oid index = guarded([relation] { return pg::primary_key_index(relation); });
    if (!OidIsValid(index)) {
        for (const std::string& name : otherwise)
            columns.push_back(static_cast<AttrNumber>(guarded([&] { return SPI_fnumber(relation->rd_att, name.c_str()); })));
        return columns;
    }
    HeapTuple const tuple = guarded([index] { return SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index)); });
    const auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    for (int i = 0; i < form->indnkeyatts; ++i) columns.push_back(form->indkey.values[i]);
    ReleaseSysCache(tuple);
    return columns;
}

}  // namespace replicache::engine
