#include "engine/session/context.h"

namespace replicache::engine {
namespace {
const Context* current = nullptr;
}

const Context* current_context() { return current; }

ContextScope::ContextScope(const Context& context) : outer_(std::exchange(current, &context)) {}
ContextScope::~ContextScope() { current = outer_; }

}  // namespace replicache::engine
