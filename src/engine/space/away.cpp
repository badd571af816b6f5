#include "engine/space/away.h"

#include "base/sqlstate.h"
#include "engine/space/space.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

constexpr int away = MAKE_SQLSTATE('R', 'E', '0', '0', '4');
static_assert(away == sqlstate::space_away);

constexpr const char* moved_space = "moved_space";
constexpr int move_column = 2;

// There is none before ALTER EXTENSION … UPDATE from 0.5.0.
bool exists() { return pg::Table::exists(moved_space); }

}  // namespace

std::optional<std::string> move_of(pg::Table& space) {
    return space.has_column(space_column::held) ? space.text(space_column::held) : std::nullopt;
}

void refuse_held(std::string_view space) {
    throw SpaceAway(away, "space \"" + std::string(space) + "\" is held", "It is being moved to another server, or has just come from one.",
                    "Try again later. If the move was given up, call replicache.release_space.");
}

void check_is_here(std::string_view space, As as) {
    if (!exists()) return;
    pg::Table table(moved_space, pg::Table::Access::read);
    if (as == As::seen ? table.find(space) : table.find_latest(space))
        throw SpaceAway(away, "space \"" + std::string(space) + "\" has moved to another server", {},
                        "Send the request to the server that has it now. Rows that were left here can be deleted.");
}

std::optional<std::string> moved_by(std::string_view space) {
    pg::Table table(moved_space, pg::Table::Access::read);
    if (!table.find_latest(space)) return std::nullopt;
    return pg::required(table.text(move_column));
}

}  // namespace replicache::engine
