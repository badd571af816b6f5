#include "engine/tracking/key_log.h"

#include "pg/compat.h"
#include "pg/json/json_text.h"

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

void bury(Space& space, std::string_view key, const GoneRow& gone) {
    const std::int64_t version = stamp(space);
    const bool tells = space.clock->logs_rows;
    Table table("tombstone", Table::Access::write);
    table.insert({value(space.id), value(version), value(key), tells ? value(ObjectIdGetDatum(gone.table)) : Value{},
                  tells ? value(identity_json(gone)) : Value{}, value(TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())),
                  gone.part ? value(*gone.part) : Value{}});
}

void log_creation(const Space& space, std::int64_t version, std::string_view key) {
    Table table("creation", Table::Access::write);
    table.insert({value(space.id), value(version), value(key)});
}

}  // namespace replicache::engine
