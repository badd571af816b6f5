#include "engine/space/head.h"

extern "C" {
#include "utils/snapmgr.h"
}

namespace replicache::engine {

std::optional<Head> head_of(std::string_view space) {
    pg::Table table("space", pg::Table::Access::read);
    if (!table.find(space)) return std::nullopt;
    Head head{.clock = clock_of(table),
              .version = table.int8(space_column::version),
              .floor = table.int8(space_column::floor),
              .may_be_lost = table.may_be_lost()};
    if (table.has_column(space_column::collector)) {
        head.collected = table.int8(space_column::collected);
        head.collector = table.int8(space_column::collector);
    }
    if (head.clock != pg::clock_time) return head;
    // What this transaction has changed, the row tells when it commits only. A snapshot that is as old as the command that made
    // the last change, or older, does not see all of that: it goes by the row.
    if (const Space* const own = own_changes(space)) {
        head.own_version = own->version;
        if (GetActiveSnapshot()->curcid > own->stamped_by) head.version = own->version;
    }
    return head;
}

std::int64_t coming_version(std::string_view space) {
    pg::Table table("space", pg::Table::Access::read);
    return table.greatest(space, space_column::version);
}

}  // namespace replicache::engine
