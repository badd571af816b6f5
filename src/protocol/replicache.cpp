#include "protocol/replicache.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace replicache::protocol {

namespace {

using Json = nlohmann::ordered_json;

// Nothing for a version that we do not speak. To be called before all else: such a request may look quite different.
std::optional<int> read_version(const Object& request, std::string_view name) {
    const std::string_view value = request.at(name);
    if (!is_unsigned_integer(value)) {
        throw MalformedRequest(request.path_of(name), "an unsigned integer", value);
    }
    if (value == "0" || value == "1") {
        return value == "0" ? 0 : 1;
    }
    return std::nullopt;
}

std::string read_schema_version(const Object& request) {
    return request.find("schemaVersion").empty() ? std::string() : request.text("schemaVersion");
}

std::optional<std::int64_t> read_cookie(const Object& request) {
    const std::string_view cookie = request.find("cookie");
    if (cookie.empty() || cookie == "null") {
        return std::nullopt;
    }
    if (cookie.starts_with('{')) {
        return Object(cookie, request.path_of("cookie")).unsigned_integer("order");
    }
    if (!is_unsigned_integer(cookie)) {
        throw MalformedRequest(request.path_of("cookie"), "null or an unsigned integer", cookie);
    }
    return request.unsigned_integer("cookie");
}

// What did not come through as UTF-8, in a message of a foreign server say, must not cost the answer.
std::string dump(const Json& answer) {
    return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json or_null(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json();
}

Json rejection_json(const engine::Mutation& mutation, const engine::Failure& failure) {
    Json json;
    json["clientID"] = mutation.client_id;
    json["id"] = mutation.id;
    json["name"] = mutation.name;
    json["code"] = failure.sqlstate;
    json["message"] = failure.message;
    json["detail"] = or_null(failure.detail);
    json["hint"] = or_null(failure.hint);
    return json;
}

Json halt_json(const engine::Mutation& mutation, const engine::Halt& halt) {
    Json json;
    json["clientID"] = mutation.client_id;
    json["id"] = mutation.id;
    if (halt.reason == engine::Halt::Reason::out_of_order) {
        json["reason"] = "outOfOrder";
        json["expected"] = halt.expected;
    } else {
        json["reason"] = "temporary";
        json["code"] = halt.failure.sqlstate;
        json["message"] = halt.failure.message;
    }
    return json;
}

std::string_view trim(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

}  // namespace

std::variant<Push, VersionNotSupported> parse_push(std::string_view text) {
    const Object request(text, "push");
    const auto version = read_version(request, "pushVersion");
    if (!version) {
        return VersionNotSupported{"push"};
    }
    Push push{*version, {}};
    push.batch.client_group_id = request.identifier(push.version == 0 ? "clientID" : "clientGroupID");
    push.batch.schema_version = read_schema_version(request);

    const std::string path = request.path_of("mutations");
    const auto elements = split_elements(request.at("mutations"), path);
    push.batch.mutations.reserve(elements.size());
    for (std::size_t i = 0; i < elements.size(); ++i) {
        const Object mutation(elements[i], {path, i});
        push.batch.mutations.push_back({
            .client_id = push.version == 0 ? push.batch.client_group_id : mutation.identifier("clientID"),
            .id = mutation.unsigned_integer("id"),
            .name = mutation.text("name"),
            .args = mutation.find("args"),
        });
    }
    return push;
}

std::variant<Pull, VersionNotSupported> parse_pull(std::string_view text) {
    const Object request(text, "pull");
    const auto version = read_version(request, "pullVersion");
    if (!version) {
        return VersionNotSupported{"pull"};
    }
    Pull pull{};
    pull.version = *version;
    pull.client_group_id = request.identifier(pull.version == 0 ? "clientID" : "clientGroupID");
    pull.schema_version = read_schema_version(request);
    pull.cookie = read_cookie(request);
    if (pull.version == 0) {
        pull.client_id = pull.client_group_id;
        // Only the server's own count goes into the answer, so a client need not tell us what it has seen.
        pull.last_mutation_id = request.find("lastMutationID").empty() ? 0 : request.unsigned_integer("lastMutationID");
    }
    return pull;
}

std::string push_answer(const engine::Batch& batch, const engine::Outcome& outcome) {
    if (outcome.client_state_not_found) {
        return client_state_not_found();
    }
    Json answer;
    answer["version"] = outcome.version;
    answer["applied"] = outcome.applied;
    answer["skipped"] = outcome.skipped;
    Json& rejected = answer["rejected"] = Json::array();
    for (const auto& [mutation, failure] : outcome.rejected) {
        rejected.push_back(rejection_json(batch.mutations.at(mutation), failure));
    }
    const auto& halt = outcome.halted;
    answer["halted"] = halt ? halt_json(batch.mutations.at(halt->mutation), *halt) : Json();
    return dump(answer);
}

std::string client_state_not_found() {
    return R"({"error":"ClientStateNotFound"})";
}

std::string version_not_supported(const VersionNotSupported& refusal) {
    Json answer;
    answer["error"] = "VersionNotSupported";
    answer["versionType"] = refusal.version_type;
    return dump(answer);
}

bool schema_version_allowed(std::string_view setting, std::string_view schema_version) {
    if (trim(setting).empty()) {
        return true;
    }
    for (std::size_t begin = 0; begin <= setting.size();) {
        const std::size_t end = std::min(setting.find(',', begin), setting.size());
        if (trim(setting.substr(begin, end - begin)) == schema_version) {
            return true;
        }
        begin = end + 1;
    }
    return false;
}

}  // namespace replicache::protocol
