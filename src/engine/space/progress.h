// From where to where a pull takes its reader: what its cookie has not seen, and the cookie that it gets.
#pragma once

#include "model/cookie.h"

#include <limits>
#include <optional>

namespace replicache::engine {

// The versions of changes that a reader has not seen: a range, and some below it.
struct Versions {
    std::int64_t since;  // exclusive
    std::int64_t until;  // inclusive
    std::vector<std::int64_t> also{};

    static const Versions& every() {
        static const Versions versions{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
        return versions;
    }
    bool contain(std::int64_t version) const {
        return (version > since && version <= until) || std::find(also.begin(), also.end(), version) != also.end();
    }
};

struct Progress {
    enum class Kind {
        nothing,     // there cannot be anything new
        behind,      // what the reader has seen, this snapshot does not see yet
        changes,     // those with the versions
        everything,  // the cookie is of no use, or there is none
        lost,        // pull_since: the server has never been where the number says
    };
    Kind kind;
    Versions versions;
    Cookie cookie;
    // As long as the space does not change, its readers keep their cookies, though other transactions end.
    bool keeps_cookie = false;
    // A cookie that leaves the server calls transactions seen whose end may not have reached the disk.
    bool must_flush = false;
    bool other_history = false;  // the cookie is of one, and will stay so
    std::int64_t version;        // for current_version()
};

// For a reader who has seen more than this snapshot: `behind` if this server will get there, else `lost`. A standby will. A primary will if
// the change is on its way: a standby may show a commit before the primary does, which still waits for a synchronous standby.
Progress::Kind ahead_of_us(bool on_its_way);

// How far a pull of this space gets under the active snapshot. With `plain`, cookies are numbers for every clock, and changes may be sent
// more than once.
Progress progress(const std::string& space, const std::optional<Cookie>& cookie, bool plain);

// The same for a reader of private tables, whose view changes though nothing in the space does: with what it may see, which depends on any
// table. So the order of its cookies follows the snapshots.
void follow_snapshots(Progress& progress, const std::optional<Cookie>& cookie);

}  // namespace replicache::engine
