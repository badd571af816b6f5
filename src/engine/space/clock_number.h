// Common to the clocks `counter` and `time`: a lock on the space until commit makes versions visible in order. A reader who has seen
// version 43 has seen all of 42, so the version is the cookie.
#pragma once

#include "engine/space/clock.h"

namespace replicache::engine {

class NumberClock : public Clock {
public:
    using Clock::Clock;

    std::int64_t head(const Space& space) const override;
    bool is_cookie(const Cookie& cookie) const override { return !cookie.names_transactions(); }
    Progress progress(std::string_view space, const Head& head, const std::optional<Cookie>& cookie) const override;
    Progress progress_by_number(std::string_view space, const Head& head, const std::optional<Cookie>& cookie) const override;

protected:
    ~NumberClock() = default;
};

// The version above this one. Throws 54000 when clients could not read it.
std::int64_t next_version(std::int64_t version);

}  // namespace replicache::engine
