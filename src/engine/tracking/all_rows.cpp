#include "engine/tracking/all_rows.h"

#include "engine/table/relation.h"
#include "engine/table/row_space.h"
#include "engine/tracking/change.h"
#include "engine/tracking/key_log.h"
#include "engine/tracking/table_rows.h"

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;

Key::Column column_of(Relation table, const std::string& name) {
    const AttrNumber number = guarded([&] { return static_cast<AttrNumber>(SPI_fnumber(table->rd_att, name.c_str())); });
    if (number <= 0)
        throw SqlError(ERRCODE_UNDEFINED_COLUMN,
                       "column \"" + name + "\" of relation \"" + RelationGetRelationName(table) + "\" does not exist");
    return {number, TupleDescAttr(table->rd_att, number - 1)->atttypid};
}

RowSpace space_of_rows(Relation relation, const SpaceName& name) {
    return {relation, name, [relation](const std::string& column) { return column_of(relation, column); }};
}

[[noreturn]] void refuse_version(Relation table, const std::string& column, std::int64_t version) {
    throw SqlError(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
                   "column \"" + column + "\" of \"" + RelationGetRelationName(table) + "\" has the value " + std::to_string(version) +
                       ", which is too high for a version",
                   "Versions rise from the highest one in the table, and must stay below 2^53. At most 2^52 may be there.",
                   "Pass another column by the argument version; it is added when missing. Or set this one to 0.");
}

struct Versions {
    std::map<std::string, std::int64_t> highest;  // by space; sorted, because all code locks spaces in this order
    std::int64_t spaceless = 0;                   // number of rows without a space
};

Versions versions_of(const TrackedTable& table, Oid relation) {
    struct Part {
        Relation relation;
        Key::Column version;
        RowSpace space;
    };
    const SpaceName space_name = SpaceName::of(table);
    Versions versions;
    std::optional<Part> part;
    const auto open = [&](Relation opened) {
        part.emplace(Part{opened, column_of(opened, table.version), space_of_rows(opened, space_name)});
        if (part->version.type != INT8OID)
            throw SqlError(ERRCODE_DATATYPE_MISMATCH,
                           "version column \"" + table.version + "\" of \"" + RelationGetRelationName(opened) + "\" is not of type bigint");
    };
    for_each_row(relation, open, [&](HeapTuple row) {
        TupleDesc const descriptor = part->relation->rd_att;
        const RowSpace::Text space = part->space.of(row, descriptor);
        if (space.null != nullptr) {
            ++versions.spaceless;
            return;
        }
        bool null = false;
        const std::int64_t version = guarded([&] { return DatumGetInt64(heap_getattr(row, part->version.number, descriptor, &null)); });
        std::int64_t& known = versions.highest[std::string(space.space)];
        if (null) return;
        if (version > max_adopted_version) refuse_version(part->relation, table.version, version);
        known = std::max(known, version);
    });
    return versions;
}

}  // namespace

void bury_rows(const TrackedTable& table) {
    const KeyTemplate key = KeyTemplate::parse(table.key);
    const SpaceName space_name = SpaceName::of(table);
    struct Part {
        TupleDesc descriptor;
        Key key;
        RowSpace space;
        std::vector<AttrNumber> identity;
    };
    std::optional<Part> part;
    const auto open = [&](Relation relation) {
        part.emplace(Part{relation->rd_att,
                          Key(
                              key, [relation](const std::string& name) { return column_of(relation, name); }),
                          space_of_rows(relation, space_name), identifying_columns(relation, key.columns())});
    };
    for_each_row(table.relation, open, [&](HeapTuple row) {
        const RowSpace::Text space = part->space.of(row, part->descriptor);
        if (space.null != nullptr) return;
        const std::string_view text =
            part->key.text([&](AttrNumber column, bool* null) { return heap_getattr(row, column, part->descriptor, null); });
        bury(nullptr, take_space(space.space), text, {table.relation, row, part->descriptor, part->identity});
    });
}

std::int64_t adopt_rows(const TrackedTable& table, Oid relation) {
    const Versions versions = versions_of(table, relation);
    // The rows may carry versions from an earlier time, given by another clock. The space continues above them.
    for (const auto& [id, version] : versions.highest) {
        Space& space = take_space(id);
        if (!space.changed || version != space.version) skip_to(space, version);  // else this transaction wrote them
    }
    raise_floors(!table.space.empty());
    return versions.spaceless;
}

}  // namespace replicache::engine
