#include "engine/table/mutator_queue.h"

#include "engine/table/exposed_table.h"
#include "pg/invalidation.h"
#include "pg/own_table.h"
#include "pg/table.h"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::OwnStatement;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;

struct Registry {
    std::vector<std::string> names;  // a few
    Oid relation = InvalidOid;
    pg::Validity validity{};
} registry;

const pg::RelationListener registry_listener([](Oid relation) noexcept {
    if (relation == InvalidOid || relation == registry.relation) registry.validity.end();
});

// Under a snapshot of its own, as the catalogs are read: that of a repeatable read transaction may be older than the change which
// has made us look, and what it shows would be kept beyond its end.
List* read_names(Oid relation) {
    return guarded([relation] {
        if (!OidIsValid(relation)) pg::raise_missing("mutator_queue");
        Relation const table = table_open(relation, AccessShareLock);
        pg::check_column(table, 1, pg::ColumnType::text);
        SysScanDesc const scan = systable_beginscan(table, InvalidOid, false, nullptr, 0, nullptr);
        List* names = NIL;
        for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
            bool null;
            const Datum name = heap_getattr(tuple, 1, RelationGetDescr(table), &null);
            if (!null) names = lappend(names, TextDatumGetCString(name));
        }
        systable_endscan(scan);
        table_close(table, AccessShareLock);
        return names;
    });
}

void read_registry() {
    registry.names.clear();
    registry.relation = pg::own_relation("mutator_queue");
    registry.validity.begin([] {
        const List* const names = read_names(registry.relation);
        for (int i = 0; i < list_length(names); ++i) registry.names.emplace_back(static_cast<const char*>(list_nth(names, i)));
    });
}

}  // namespace

void register_mutator_queue(const std::string& name) {
    if (name.empty()) throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "the name of a mutator queue must not be empty");
    static OwnStatement store("INSERT INTO replicache.mutator_queue (name) VALUES ($1) ON CONFLICT DO NOTHING", {TEXTOID});
    const SpiConnection spi;
    lock_table_names();
    if (exposed_table(name)) throw SqlError(ERRCODE_DUPLICATE_OBJECT, "a table is exposed as \"" + name + "\"", {}, "Pass another name.");
    store.run({value(name)});
    pg::tell_of_change("mutator_queue");
}

void unregister_mutator_queue(const std::string& name) {
    static OwnStatement remove("DELETE FROM replicache.mutator_queue WHERE name OPERATOR(pg_catalog.=) $1", {TEXTOID});
    const SpiConnection spi;
    if (remove.run({value(name)}).count() == 0)
        throw SqlError(ERRCODE_UNDEFINED_OBJECT, "mutator queue \"" + name + "\" is not registered");
    pg::tell_of_change("mutator_queue");
}

bool is_mutator_queue(const std::string& name) {
    if (!registry.validity) read_registry();
    return std::find(registry.names.begin(), registry.names.end(), name) != registry.names.end();
}

}  // namespace replicache::engine
