#include "engine/epoch.h"

#include "engine/space.h"

namespace replicache::engine {

void new_epoch() {
    // Longer than any history; and JavaScript's integers have room for two million epochs.
    constexpr std::int64_t step = std::int64_t{1} << epoch_bits;
    static pg::Statement next(
        "INSERT INTO replicache.epoch (number) SELECT COALESCE(pg_catalog.max(number), 0) OPERATOR(pg_catalog.+) 1 "
        "FROM replicache.epoch", {});
    static pg::Statement spaces("SELECT id FROM replicache.space ORDER BY id", {});
    static pg::Statement forget_clients("DELETE FROM replicache.client", {});
    static pg::Statement forget_groups("DELETE FROM replicache.client_group", {});
    const pg::SpiConnection spi;
    const pg::AsOwner owner;
    next.run({});  // for spaces that the lost history had, and the backup has not
    const pg::Rows rows = spaces.run({});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        pg::check_interrupts();
        Space& space = lock_space(*rows.text(i, 1));
        skip_to(space, space.committed + step);
        raise_floor(space);
    }
    forget_clients.run({});
    forget_groups.run({});
}

}  // namespace replicache::engine
