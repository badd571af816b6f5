// One text for each space.
//
// A uuid is written in capitals or in small letters, an integer with zeros in front, and it is the same value of a column. So the space
// that a caller names in another way is the one that the rows are in.
#pragma once

#include "engine/table/space_name.h"

namespace replicache::engine {

// How texts of a column of this type compare.
enum class SpaceKind { text, integer, uuid };
SpaceKind space_kind(Oid type);  // a base type

// The text that the column's value has when it is read from this one: as uuid_in reads it, or as an integer with a sign and zeros in
// front; any other type takes the text as it is. Nullopt: it is no value of the type.
std::optional<std::string> canonical_text(Oid type, std::string_view text);
// The value of a space's column that has exactly this text, whose base type this is; nullopt: none has.
std::optional<pg::Value> space_value(Oid type, std::string_view text);

// A tracked table's spaces.
struct TableSpaces {
    SpaceName name;
    std::vector<Oid> types;  // base types of the columns
};
// Nullopt: no row can be in any, since a column is missing. Locks nothing.
std::optional<TableSpaces> spaces_of(const TrackedTable& table);

// The space that is meant by this text: the one that it can be of some tracked table, by the columns that are of type uuid or integer. It
// is the text itself when a table can have a space of exactly this text, such as one with a text column, or when there are several.
//
// What it knows of the tables may be as old as the last lock that the session has taken: then the request is as if it had come then.
std::string canonical_space(std::string_view space);
// The same for a user whose space it is: of uuid columns only. A number with zeros in front is another user.
std::string canonical_user(std::string_view user);

}  // namespace replicache::engine
