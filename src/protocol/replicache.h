// Replicache's wire format, V0 and V1: request → batch, outcome → answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "model/batch.h"
#include "model/cookie.h"
#include "protocol/request.h"

namespace replicache::protocol {

struct VersionNotSupported {
    std::string version_type;  // push, pull or schema
};

struct Push {
    int version;
    Batch batch;  // of V0: a client is a group of its own
};

struct Pull {
    int version;
    std::string client_group_id;
    std::string client_id;  // V0, the same as client_group_id
    std::string schema_version;
    std::optional<Cookie> cookie;
    std::int64_t last_mutation_id = 0;  // V0
};

// The mutations' args are slices of the text.
std::variant<Push, VersionNotSupported> parse_push(std::string_view text);
std::variant<Pull, VersionNotSupported> parse_pull(std::string_view text);

// A cookie on its own. Nullopt: it is null.
std::optional<Cookie> parse_single_cookie(std::string_view text);

std::string push_answer(const Batch& batch, const Outcome& outcome);
std::string client_state_not_found();
std::string version_not_supported(const VersionNotSupported& refusal);

// The setting is a comma-separated list; empty allows any. An empty item (",2") stands for the client's default, "".
bool schema_version_allowed(std::string_view setting, std::string_view schema_version);

}  // namespace replicache::protocol
