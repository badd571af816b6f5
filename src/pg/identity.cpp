#include "pg/identity.h"

#include "pg/own_table.h"
#include "pg/subtransaction.h"

extern "C" {
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "utils/regproc.h"
}

namespace replicache::pg {
namespace {

Oid owner_of_extension() {
    return guarded([] {
        HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(find_own_relation("space")));
        if (!HeapTupleIsValid(tuple)) raise_missing("space");
        const Oid result = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
        ReleaseSysCache(tuple);
        return result;
    });
}

}  // namespace

AsRole::User::User(Oid role) {
    GetUserIdAndSecContext(&user, &security);
    SetUserIdAndSecContext(role, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
}

AsRole::AsRole(Oid role) : user_(role), settings_(NewGUCNestLevel()) {
    guarded([] { set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false); });
}

AsOwner::AsOwner() : role_(owner_of_extension()) {}

Oid find_function(const std::string& signature) {
    const AsOwner owner;
    Oid function = InvalidOid;
    // Before 16, to_regprocedure raises when a type or schema in the signature is gone.
    auto error = attempt([&] {
        function = guarded([text = signature.c_str()] {
            LOCAL_FCINFO(call, 1);
            InitFunctionCallInfoData(*call, nullptr, 1, InvalidOid, nullptr, nullptr);
            call->args[0] = {CStringGetTextDatum(text), false};
            const Datum result = to_regprocedure(call);
            return call->isnull ? InvalidOid : DatumGetObjectId(result);
        });
    });
    if (error && error->sqlerrcode() != ERRCODE_UNDEFINED_OBJECT && error->sqlerrcode() != ERRCODE_UNDEFINED_SCHEMA)
        throw std::move(*error);
    return function;
}

void defer_constraints(const std::vector<std::pair<std::string, std::string>>& names) {
    const AsOwner owner;
    guarded([&names] {
        auto* statement = makeNode(ConstraintsSetStmt);
        statement->deferred = true;
        for (const auto& [schema, name] : names)
            statement->constraints =
                lappend(statement->constraints, makeRangeVar(const_cast<char*>(schema.c_str()), const_cast<char*>(name.c_str()), -1));
        AfterTriggerSetState(statement);
    });
}

}  // namespace replicache::pg
