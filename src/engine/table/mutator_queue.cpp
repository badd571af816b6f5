#include "engine/table/mutator_queue.h"

#include "engine/table/exposed_table.h"
#include "engine/mutators/mutator.h"
#include "engine/session/timeout.h"
#include "pg/column_input.h"
#include "pg/invalidation.h"
#include "pg/json_reader.h"
#include "pg/own_table.h"
#include "pg/settings_scope.h"
#include "pg/table.h"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::JsonReader;
using pg::OwnStatement;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;
using Token = JsonReader::Token;

struct Registry {
    std::vector<std::string> names;  // a few
    Oid relation = InvalidOid;
    bool valid = false;
} registry;

const pg::RelationListener registry_listener([](Oid relation) noexcept {
    if (relation == InvalidOid || relation == registry.relation) registry.valid = false;
});

// Under a snapshot of its own, as the catalogs are read: that of a repeatable read transaction may be older than the change which
// has made us look, and what it shows would be kept beyond its end.
List* read_names(Oid relation) {
    return guarded([relation] {
        if (!OidIsValid(relation)) pg::raise_missing("mutator_queue");
        Relation const table = table_open(relation, AccessShareLock);
        pg::check_column(table, 1, true);
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
    registry.valid = true;  // before reading: an invalidation that arrives meanwhile must not be lost
    try {
        const List* const names = read_names(registry.relation);
        for (int i = 0; i < list_length(names); ++i) registry.names.emplace_back(static_cast<const char*>(list_nth(names, i)));
    } catch (...) {
        registry.valid = false;
        throw;
    }
}

struct Call {
    std::string name;
    std::string_view args;  // JSON; empty: absent
};

// SQLite has no type for JSON: it comes as text that holds it. What is no text is taken as it is.
std::string_view read_args(std::string_view json) {
    static pg::ColumnInput input = [] {
        pg::ColumnInput prepared;
        prepared.prepare("args", JSONOID, -1, TopMemoryContext);
        return prepared;
    }();
    bool null;
    const Datum args = input.read(json, &null);
    if (null) return {};
    JsonReader reader(pg::view_of_text(args));
    return reader.value(reader.next());  // without the space around it
}

Call read_call(const RowChange& change) {
    Call call;
    bool named = false;
    JsonReader reader(change.data);
    if (reader.next() == Token::begin_object)
        while (reader.next() == Token::name) {
            const std::string_view member = pg::decode_name(reader.text());
            const Token token = reader.next();
            if (member == "name") {
                named = token == Token::string;
                if (named) call.name = pg::decode_name(reader.text());
                reader.value(token);
            } else if (member == "args") {
                call.args = read_args(reader.value(token));
            } else {
                throw SqlError(ERRCODE_UNDEFINED_COLUMN,
                               "\"" + change.table + "\" has no column \"" + std::string(member) + "\" that clients may write", {},
                               "A call of a mutator has a name and args.");
            }
        }
    if (!named)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "a call in \"" + change.table + "\" lacks \"name\"", {},
                       "It is text: the name of the mutator.");
    return call;
}

void run(const Call& call, bool& timed_out) {
    const auto mutator = find_mutator(call.name);
    mutator->check_privilege();
    auto failure = within_timeout(call.name, timed_out, [&] {
        pg::SettingsScope settings;
        auto error = mutator->call(call.args);
        if (!error) settings.restore();
        return error;
    });
    if (failure) throw std::move(*failure);
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
    if (!registry.valid) read_registry();
    return std::find(registry.names.begin(), registry.names.end(), name) != registry.names.end();
}

void call_mutator(const RowChange& change, bool& timed_out) {
    switch (change.kind) {
        case RowChange::Kind::insert:
        case RowChange::Kind::upsert: run(read_call(change), timed_out); return;
        case RowChange::Kind::update:
            throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "clients may not update rows of \"" + change.table + "\"", {},
                           "A call of a mutator cannot be changed once it is made: insert another one.");
        case RowChange::Kind::remove: return;
    }
}

std::string called_mutator(const RowChange& change) {
    std::string name;
    JsonReader reader(change.data);
    if (change.kind != RowChange::Kind::upsert || !is_mutator_queue(change.table) || reader.next() != Token::begin_object) return name;
    while (reader.next() == Token::name) {
        const bool is_name = reader.text() == "name";
        const Token token = reader.next();
        // One with escapes could raise an error, which nobody would be there to roll back.
        if (is_name && token == Token::string && reader.text().find('\\') == std::string_view::npos) name = reader.text();
        reader.value(token);
    }
    return name;
}

}  // namespace replicache::engine
