#include "engine/table/canonical_space.h"

#include "pg/invalidation.h"
#include "pg/own_table.h"

extern "C" {
#include "utils/uuid.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// The spaces of all tables, if some table has spaces by uuid or integer columns. Otherwise empty.
std::vector<TableSpaces> tables;
std::vector<Oid> relations;  // that were looked at, sorted
pg::Validity validity;

const pg::RelationListener relation_listener([](Oid relation) noexcept {
    if (pg::is_among(relation, relations)) validity.end();
});

// The errors of such a table are for who reads or writes it.
std::optional<TableSpaces> readable_spaces_of(const TrackedTable& table) {
    try {
        return spaces_of(table);
    } catch (const pg::SqlError&) {
        return std::nullopt;
    }
}

void read_tables() {
    tables.clear();
    relations = {pg::own_relation("tracked_table")};
    validity.begin([] {
        const std::vector<TrackedTable> tracked = tracked_tables();
        for (const TrackedTable& table : tracked) relations.push_back(table.relation);
        std::sort(relations.begin(), relations.end());
        guarded([] { AcceptInvalidationMessages(); });  // what the registry knows, the catalog caches must know, too
        bool lenient = false;
        for (const TrackedTable& table : tracked) {
            // It takes over the spaces of pushes, and names none.
            if (table.relation == pg::own_relation("mutation_error")) continue;
            auto spaces = readable_spaces_of(table);
            if (!spaces || spaces->types.empty()) continue;
            lenient |=
                std::any_of(spaces->types.begin(), spaces->types.end(), [](Oid type) { return space_kind(type) != SpaceKind::text; });
            tables.push_back(std::move(*spaces));
        }
        if (!lenient) tables.clear();
    });
}

// The space of the table that has this text in some notation.
std::optional<std::string> space_of(const TableSpaces& table, std::string_view space, bool integers) {
    auto texts = table.name.match(space);
    if (!texts) return std::nullopt;
    for (std::size_t i = 0; i < texts->size(); ++i) {
        auto text = canonical_text(table.types[i], (*texts)[i]);
        if (!text || (!integers && space_kind(table.types[i]) == SpaceKind::integer && *text != (*texts)[i])) return std::nullopt;
        (*texts)[i] = std::move(*text);
    }
    return table.name.fill(*texts);
}

std::string canonical(std::string_view space, bool integers) {
    if (!validity) read_tables();
    std::optional<std::string> result;
    for (const TableSpaces& table : tables) {
        auto found = space_of(table, space, integers);
        if (!found) continue;
        if (*found == space || (result && *result != *found)) return std::string(space);
        result = std::move(found);
    }
    return result.value_or(std::string(space));
}

std::optional<std::int64_t> read_integer(std::string_view text) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return std::nullopt;
    }
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::string> canonical_integer(std::string_view text, std::int64_t least, std::int64_t most) {
    const auto number = read_integer(text);
    if (!number || *number < least || *number > most) return std::nullopt;
    return std::to_string(*number);
}

// As uuid_in (utils/adt/uuid.c): with braces around it or not, and a hyphen behind any four digits.
std::optional<std::string> canonical_uuid(std::string_view text) {
    if (text.starts_with('{')) {
        if (!text.ends_with('}')) return std::nullopt;
        text = text.substr(1, text.size() - 2);
    }
    std::string result;
    for (int digits = 0; digits < 32; ++digits) {
        if (digits != 0 && digits % 4 == 0 && text.starts_with('-')) text.remove_prefix(1);
        if (text.empty()) return std::nullopt;
        const char c = text.front();
        const char digit = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        if (!(digit >= '0' && digit <= '9') && !(digit >= 'a' && digit <= 'f')) return std::nullopt;
        if (digits == 8 || digits == 12 || digits == 16 || digits == 20) result += '-';
        result += digit;
        text.remove_prefix(1);
    }
    if (!text.empty()) return std::nullopt;
    return result;
}

}  // namespace

SpaceKind space_kind(Oid type) {
    switch (type) {
        case INT2OID:
        case INT4OID:
        case INT8OID: return SpaceKind::integer;
        case UUIDOID: return SpaceKind::uuid;
        default: return SpaceKind::text;
    }
}

std::optional<std::string> canonical_text(Oid type, std::string_view text) {
    switch (type) {
        case INT2OID: return canonical_integer(text, PG_INT16_MIN, PG_INT16_MAX);
        case INT4OID: return canonical_integer(text, PG_INT32_MIN, PG_INT32_MAX);
        case INT8OID: return canonical_integer(text, PG_INT64_MIN, PG_INT64_MAX);
        case UUIDOID: return canonical_uuid(text);
        default: return std::string(text);
    }
}

std::optional<pg::Value> space_value(Oid type, std::string_view text) {
    if (space_kind(type) == SpaceKind::text) return pg::value(text);
    const auto canonical = canonical_text(type, text);
    if (!canonical || *canonical != text) return std::nullopt;
    if (type == UUIDOID)
        return pg::value(guarded([&canonical] { return DirectFunctionCall1(uuid_in, CStringGetDatum(canonical->c_str())); }));
    const std::int64_t number = *read_integer(text);
    return pg::value(type == INT2OID ? Int16GetDatum(number) : type == INT4OID ? Int32GetDatum(number) : Int64GetDatum(number));
}

std::optional<TableSpaces> spaces_of(const TrackedTable& table) {
    TableSpaces spaces{SpaceName::of(table), {}};
    for (const std::string& column : spaces.name.columns()) {
        const Oid type = guarded([&] {
            const AttrNumber number = get_attnum(table.relation, column.c_str());
            return number > 0 ? getBaseType(get_atttype(table.relation, number)) : InvalidOid;
        });
        if (!OidIsValid(type)) return std::nullopt;
        spaces.types.push_back(type);
    }
    return spaces;
}

std::string canonical_space(std::string_view space) { return canonical(space, true); }

std::string canonical_user(std::string_view user) { return canonical(user, false); }

}  // namespace replicache::engine
