#include "engine/space/clock_number.h"

#include "engine/space/head.h"
#include "engine/space/progress.h"
#include "engine/space/space.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

using Kind = Progress::Kind;

// The version that the space has, or gets when a transaction ends that the snapshot does not show. It may be this transaction.
std::int64_t coming_version(std::string_view space) {
    pg::Table table("space", pg::Table::Access::read);
    const std::int64_t written = table.greatest(space, space_column::version);
    const Space* const own = own_changes(space);
    return own != nullptr ? std::max(own->version, written) : written;
}

}  // namespace

std::int64_t NumberClock::head(const Space& space) const { return space.changed ? space.version : space.before; }

Progress NumberClock::progress(std::string_view space, const Head& head, const std::optional<Cookie>& cookie) const {
    return progress_by_number(space, head, cookie);
}

// Clients know the head of a space without history as 0.
Progress NumberClock::progress_by_number(std::string_view space, const Head& head, const std::optional<Cookie>& cookie) const {
    const std::int64_t since = cookie ? cookie->version : 0, until = std::max<std::int64_t>(head.version, 0);
    Progress progress{.kind = Kind::changes, .versions = {since, until}, .cookie = {.version = until}, .version = until};
    progress.must_flush = head.may_be_lost;
    if (since > until)
        progress.kind = ahead_of_us(since <= coming_version(space));
    else if (!cookie || since < std::max(head.floor, head.collected) || (since == 0 && until > 0))
        progress.kind = Kind::everything;
    else if (since == until)
        progress.kind = Kind::nothing;
    return progress;
}

// Only a column or a table that was altered by hand gets there.
std::int64_t next_version(std::int64_t version) {
    if (version < (std::int64_t{1} << 53) - 1) return version + 1;
    throw pg::SqlError(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                       "a space has reached the version " + std::to_string(version) + ", and there is none above it", {},
                       pg::not_to_be_altered);
}

}  // namespace replicache::engine
