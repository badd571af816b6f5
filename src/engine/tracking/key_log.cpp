#include "engine/tracking/key_log.h"

#include "pg/compat.h"
#include "pg/json_text.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::Table;
using pg::Value;
using pg::value;

Datum identity_json(const GoneRow& gone) {
    return guarded([&gone] {
        StringInfoData json;
        initStringInfo(&json);
        for (const AttrNumber column : gone.identity) {
            const FormData_pg_attribute& attribute = *TupleDescAttr(gone.descriptor, column - 1);
            bool null;
            const Datum datum = heap_getattr(gone.row, column, gone.descriptor, &null);
            appendStringInfoChar(&json, json.len == 0 ? '{' : ',');
            pg::append_json_string(&json, NameStr(attribute.attname));
            appendStringInfoChar(&json, ':');
            pg::JsonWriter writer;
            writer.prepare(attribute.atttypid, CurrentMemoryContext);
            writer.append(&json, datum, null);
        }
        appendStringInfoChar(&json, '}');
        return pg::unguarded_text_datum({json.data, static_cast<std::size_t>(json.len)});
    });
}

}  // namespace

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

void bury(Space& space, std::string_view key, const GoneRow& gone) {
    const std::int64_t version = stamp(space);
    const bool tells = space.clock == pg::clock_time;
    Table table("tombstone", Table::Access::write);
    table.insert({value(space.id), value(version), value(key), tells ? value(ObjectIdGetDatum(gone.table)) : Value{},
                  tells ? value(identity_json(gone)) : Value{}, value(TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()))});
}

void log_creation(const Space& space, std::int64_t version, std::string_view key) {
    Table table("creation", Table::Access::write);
    table.insert({value(space.id), value(version), value(key)});
}

}  // namespace replicache::engine
