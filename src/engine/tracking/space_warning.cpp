#include "engine/tracking/space_warning.h"

#include "engine/table/canonical_space.h"
#include "engine/table/relation.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

// The literals of a template. Empty: the template has none, or the name is a column.
std::string literals(const SpaceName& name) {
    std::string result;
    if (name.is_template())
        for (const KeyTemplate::Piece& piece : name.as_template().pieces()) result += piece.literal;
    return result;
}

// Whether a column and a column can have the same text.
bool may_share(SpaceKind a, SpaceKind b) { return a == b || a == SpaceKind::text || b == SpaceKind::text; }

// Whether a name without literals (a column, or a template of columns only) and a template with literals can give the same text.
bool may_share(const TableSpaces& column, const std::string& literals) {
    switch (space_kind(column.types.front())) {
        case SpaceKind::integer: return literals.find_first_not_of("-0123456789") == std::string::npos;
        case SpaceKind::uuid: return literals.find_first_not_of("-0123456789abcdef") == std::string::npos;
        default:
            // The text of a column in a template has no slash.
            return column.name.is_column() || literals.find('/') == std::string::npos;
    }
}

// Two templates with literals never cause a warning: their author has chosen the texts.
bool may_share(const TableSpaces& a, const TableSpaces& b) {
    const std::string of_a = literals(a.name), of_b = literals(b.name);
    if (!of_a.empty()) return of_b.empty() && may_share(b, of_a);
    if (!of_b.empty()) return may_share(a, of_b);
    return a.name.columns() != b.name.columns() && may_share(space_kind(a.types.front()), space_kind(b.types.front()));
}

std::string described(const TrackedTable& table, const SpaceName& name) {
    return std::string(name.is_template() ? "template" : "column") + " \"" + table.space + "\" of \"" + name_of(table.relation) + "\"";
}

constexpr std::size_t most_named = 5;

void warn(const TrackedTable& table, const SpaceName& name, const std::vector<std::string>& others) {
    const std::string message = "rows of \"" + name_of(table.relation) + "\" could be in the same spaces as rows of other tables";
    std::string detail = "The space " + described(table, name) + " can give the same text as the ";
    for (std::size_t i = 0; i < std::min(others.size(), most_named); ++i) detail += (i == 0 ? "" : ", the ") + others[i];
    if (others.size() > most_named) detail += ", and " + std::to_string(others.size() - most_named) + " more";
    detail += ". Clients that may read one table then get rows of the other.";
    const std::string column = name.is_column() ? table.space : name.columns().front();
    const std::string hint = "Pass a template that begins with a text of its own, such as space => '" + column + "/{" + column +
                             "}'. Ignore this warning if the columns mean the same spaces.";
    pg::guarded([message = message.c_str(), detail = detail.c_str(), hint = hint.c_str()] {
        ereport(WARNING, (errmsg("%s", message), errdetail("%s", detail), errhint("%s", hint)));
    });
}

// Whether no column names the spaces of the table. mutation_error has such a column, but its spaces are those of the pushes.
bool names_none(const TrackedTable& table) { return table.space.empty() || table.relation == pg::own_relation("mutation_error"); }

}  // namespace

void warn_of_shared_spaces(const TrackedTable& table) {
    if (names_none(table)) return;
    const auto mine = spaces_of(table);
    if (!mine) return;
    std::vector<std::string> others;
    for (const TrackedTable& other : tracked_tables()) {
        if (other.relation == table.relation || names_none(other)) continue;
        const auto theirs = spaces_of(other);
        if (theirs && may_share(*mine, *theirs)) others.push_back(described(other, theirs->name));
    }
    if (!others.empty()) warn(table, mine->name, others);
}

std::vector<SharedSpaces> shared_spaces() {
    struct Named {
        TrackedTable table;
        TableSpaces spaces;
    };
    // Tables that name their spaces in the same way are looked at once.
    std::map<std::pair<std::vector<std::string>, std::vector<Oid>>, std::vector<Named>> groups;
    for (const TrackedTable& table : tracked_tables()) {
        if (names_none(table)) continue;
        auto spaces = spaces_of(table);
        if (!spaces) continue;
        std::vector<std::string> name = spaces->name.columns();
        name.push_back(table.space);
        groups[{std::move(name), spaces->types}].push_back({table, std::move(*spaces)});
    }
    std::vector<SharedSpaces> found;
    for (auto a = groups.begin(); a != groups.end(); ++a)
        for (auto b = std::next(a); b != groups.end(); ++b) {
            if (!may_share(a->second.front().spaces, b->second.front().spaces)) continue;
            SharedSpaces& shared = found.emplace_back();
            for (const auto& [group, side] : {std::pair{a, 0}, std::pair{b, 1}})
                for (const Named& named : group->second) {
                    shared.tables[side].push_back(named.table.relation);
                    shared.names[side] = named.table.space;
                }
        }
    return found;
}

}  // namespace replicache::engine
