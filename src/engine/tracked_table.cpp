#include "engine/tracked_table.h"

#include "pg/spi.h"

extern "C" {
#include "catalog/partition.h"
#include "utils/uuid.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

std::string text_or_empty(const pg::Rows& rows, std::uint64_t row, int column) {
    return rows.text(row, column).value_or("");
}

}  // namespace

std::vector<TrackedTable> tracked_tables() {
    static pg::Statement all(
        "SELECT relation::pg_catalog.oid, key, value, space_column::pg_catalog.text, deleted_column::pg_catalog.text, "
        "version_column::pg_catalog.text FROM replicache.tracked_table ORDER BY relation::pg_catalog.oid",
        {});
    const pg::SpiConnection spi;
    const pg::AsOwner owner;
    // The registry is like a catalog: whatever snapshot the caller has, only its latest state goes with the tables'
    // latest definitions.
    const pg::Rows rows = all.run({}, pg::Snapshot::latest);
    std::vector<TrackedTable> tables;
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        tables.push_back({.relation = rows.oid(i, 1),
                          .key = text_or_empty(rows, i, 2),
                          .value = text_or_empty(rows, i, 3),
                          .space = text_or_empty(rows, i, 4),
                          .deleted = text_or_empty(rows, i, 5),
                          .version = text_or_empty(rows, i, 6)});
    return tables;
}

std::optional<TrackedTable> tracked_table(Oid relation) {
    for (TrackedTable& table : tracked_tables())
        if (table.relation == relation) return std::move(table);
    return std::nullopt;
}

std::optional<TrackedTable> tracked_table_of(Oid relation) {
    List* const ancestors = guarded([relation] { return lcons_oid(relation, get_partition_ancestors(relation)); });
    for (int i = 0; i < list_length(ancestors); ++i)
        if (auto table = tracked_table(list_nth_oid(ancestors, i))) return table;
    return std::nullopt;
}

Oid tracked_root(Oid relation) {
    if (!guarded([relation] { return get_rel_relispartition(relation); })) return relation;
    const auto table = tracked_table_of(relation);
    return table ? table->relation : relation;
}

std::string from_clause(const TrackedTable& table) {
    const bool partitioned = guarded([&] { return get_rel_relkind(table.relation) == RELKIND_PARTITIONED_TABLE; });
    return std::string(" FROM ") + (partitioned ? "" : "ONLY ") + pg::qualified_name(table.relation) + " AS t";
}

std::optional<pg::Value> space_value(Oid type, std::string_view space) {
    const auto integer = [&]() -> std::optional<std::int64_t> {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(space.data(), space.data() + space.size(), number);
        if (error != std::errc() || end != space.data() + space.size() || std::to_string(number) != space) return std::nullopt;
        return number;
    };
    switch (type) {
        case INT2OID:
            if (const auto n = integer(); n && *n == static_cast<std::int16_t>(*n)) return pg::value(Int16GetDatum(*n));
            return std::nullopt;
        case INT4OID:
            if (const auto n = integer(); n && *n == static_cast<std::int32_t>(*n)) return pg::value(Int32GetDatum(*n));
            return std::nullopt;
        case INT8OID:
            if (const auto n = integer()) return pg::value(*n);
            return std::nullopt;
        case UUIDOID: {
            // Only the canonical form, which is what the column's values give.
            const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
            if (space.size() != 36) return std::nullopt;
            for (std::size_t i = 0; i < space.size(); ++i)
                if (i == 8 || i == 13 || i == 18 || i == 23 ? space[i] != '-' : !is_hex(space[i])) return std::nullopt;
            const std::string text(space);
            return pg::value(guarded([&text] { return DirectFunctionCall1(uuid_in, CStringGetDatum(text.c_str())); }));
        }
        default:
            return pg::value(space);
    }
}

}  // namespace replicache::engine
