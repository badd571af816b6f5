#include "engine/space/clock.h"

#include "engine/space/space.h"
#include "engine/space/taken_spaces.h"
#include "pg/settings.h"

namespace replicache::engine {

extern const Clock& transaction_clock;

namespace {

// The table of clocks. The first one is the default. Messages list them in this order.
const Clock* const table[] = {
    &counter_clock,
    &transaction_clock,
    &time_clock,
};

}  // namespace

std::span<const Clock* const> clocks() { return table; }

const Clock* find_clock(std::string_view name) {
    for (const Clock* const clock : table)
        if (name == clock->name) return clock;
    return nullptr;
}

const Clock& default_clock() { return *table[pg::settings.default_clock]; }

const config_enum_entry* clock_names() {
    static const auto names = [] {
        std::array<config_enum_entry, std::size(table) + 1> entries{};  // the last one ends the list
        for (std::size_t i = 0; i < std::size(table); ++i) entries[i] = {table[i]->name, static_cast<int>(i), false};
        return entries;
    }();
    return names.data();
}

std::int64_t Clock::version_of(Space& space) const { return space.version; }

std::int64_t Clock::stamp(Space& space) const {
    space.deferred ? note_stamped(space) : write_version(space);
    return version_of(space);
}

void Clock::write_collected(Space& space, std::int64_t version) const {
    write_row(space, {{space_column::collected, Int64GetDatum(version)}});
}

}  // namespace replicache::engine
