#include "engine/session/push_guard.h"

#include "pg/error.h"

namespace replicache::engine {
namespace {

bool pushing = false;

}  // namespace

void PushGuard::check(const char* function) {
    if (pushing)
        throw pg::SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, std::string(function) + " cannot be called by a mutator", {},
                           "Call the other mutator's function directly.");
}

PushGuard::PushGuard(const char* function) {
    check(function);
    pushing = true;
}

PushGuard::~PushGuard() { pushing = false; }

}  // namespace replicache::engine
