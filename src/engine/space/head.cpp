#include "engine/space/head.h"

#include "engine/space/away.h"
#include "engine/space/space.h"

namespace replicache::engine {

std::optional<Head> head_of(std::string_view space) {
    pg::Table table("space", pg::Table::Access::read);
    if (!table.find(space)) {
        check_is_here(space, As::seen);
        return std::nullopt;
    }
    const Clock& clock = clock_of(table);
    Head head{.clock = &clock,
              .version = clock.seen_version(space, table.int8(space_column::version)),
              .floor = table.int8(space_column::floor),
              .may_be_lost = table.may_be_lost()};
    if (table.has_column(space_column::collector)) {
        head.collected = table.int8(space_column::collected);
        head.collector = table.int8(space_column::collector);
    }
    return head;
}

}  // namespace replicache::engine
