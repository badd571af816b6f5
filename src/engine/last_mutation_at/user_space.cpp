#include "engine/last_mutation_at/user_space.h"

#include "engine/space/new_space.h"

extern "C" {
#include "access/xlog.h"
}

namespace replicache::engine {
namespace {

using pg::SqlError;

[[noreturn]] void refuse_clock(const std::string& user, const Clock& clock) {
    throw SqlError(
        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "space \"" + user + "\" has the clock \"" + clock.name + "\"",
        "Its versions are no timestamps.",
        "Users need the clock \"time\": set replicache.default_clock, which decides for spaces that a direct write creates first.");
}

}  // namespace

std::optional<Head> user_space(const std::string& user) {
    const auto space = head_of(user);
    if (space && !space->clock->is_time) refuse_clock(user, *space->clock);
    if (!space && !XactReadOnly && !RecoveryInProgress()) ensure_space(user, time_clock);
    return space;
}

Space& take_user_space(const std::string& user) {
    Space& space = take_space(user, &time_clock);
    if (!space.clock->is_time) refuse_clock(user, *space.clock);
    return space;
}

}  // namespace replicache::engine
