#include "pg/catalog.h"

extern "C" {
#include "catalog/pg_operator.h"
}

namespace replicache::pg {

std::string qualified_operator(Oid operator_) {
    return guarded([operator_]() -> const char* {
        HeapTuple const tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator_));
        if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator %u", operator_);
        const auto* form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
        const char* name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname));
        ReleaseSysCache(tuple);
        return name;
    });
}

}  // namespace replicache::pg
