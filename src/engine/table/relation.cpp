#include "engine/table/relation.h"

#include "pg/compat.h"

extern "C" {
#include "catalog/catalog.h"
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

bool is_catalog(Oid relation) {
    return guarded([relation] { return IsCatalogRelationOid(relation); });
}

}  // namespace replicache::engine
