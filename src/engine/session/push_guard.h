// One push at a time.
#pragma once

namespace replicache::engine {

// Pushes, replays and the mutators that an upload calls do not nest: throws 0A000 when one is at work in this backend.
class PushGuard {
public:
    static void check(const char* function);
    explicit PushGuard(const char* function);
    ~PushGuard();
    PushGuard(const PushGuard&) = delete;
    PushGuard& operator=(const PushGuard&) = delete;
};

}  // namespace replicache::engine
