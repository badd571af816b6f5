// The request, as mutators, row-level security policies and value expressions can ask about it by the functions replicache.current_…().
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// What has been asked for though there is no answer: the request is made for several client groups, for which the answers differ.
struct Unanswered {
    bool user = false, client = false;
};

// Made in one go: Context{.user_id = …, .space = …}. While mutations run, only client_id and mutation_id change.
struct Context {
    std::optional<std::string> user_id{};
    std::optional<std::string> space{};
    std::optional<std::string> client_group_id{};
    std::optional<std::string> client_id{};
    std::optional<std::int64_t> mutation_id{};
    std::optional<std::int64_t> version{};
    std::optional<std::string> schema_version{};
    Unanswered* unanswered = nullptr;  // null: NULL is an answer
};

// The context of the innermost request; null outside.
const Context* current_context();

// Makes a context current for a scope.
class ContextScope {
public:
    explicit ContextScope(const Context& context);
    ~ContextScope();
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

private:
    const Context* outer_;
};

}  // namespace replicache::engine
