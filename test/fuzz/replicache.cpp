// Replicache's requests against the tables of docs/replicache_push.md and docs/replicache_pull.md.
#include "protocol/replicache.h"

#include <cmath>
#include <set>

#include "fuzz.h"

namespace replicache::fuzz {

namespace {

using protocol::VersionNotSupported;

// Nothing: a version that is not known. One with more than 64 bits is a double to nlohmann/json.
std::optional<int> version_of(const Json& request, const char* name) {
    require(request.is_object());
    const Json* version = member(request, name);
    require(version != nullptr && (version->is_number_unsigned() || version->is_number_float()));
    if (version->is_number_unsigned() && version->get<std::uint64_t>() <= 1) return version->get<int>();
    require(version->is_number_unsigned() || version->get<double>() >= 1e19);
    return std::nullopt;
}

std::string schema_version_of(const Json& request) {
    const Json* version = member(request, "schemaVersion");
    return version == nullptr ? "" : text_of(version);
}

void compare_push(const Json& request, const protocol::Push& push) {
    const Json& mutations = request["mutations"];
    check(push.batch.mutations.size() == mutations.size(), "the push has all mutations");
    for (std::size_t i = 0; i < mutations.size(); ++i) {
        const auto& mutation = push.batch.mutations[i];
        const std::string& client = push.batch.client_of(mutation);
        check(client == (push.version == 0 ? push.batch.client_group_id : mutations[i]["clientID"].get<std::string>()), "clientID");
        check(mutation.id == mutations[i]["id"], "id");
        check(mutation.name == mutations[i]["name"].get_ref<const std::string&>(), "name");
        check_slice(mutation.args, mutations[i], "args");
    }
}

// Whether the push is well-formed; nothing: its version is not known.
std::optional<bool> push_is_valid(const Json& request) {
    try {
        const auto version = version_of(request, "pushVersion");
        if (!version) return std::nullopt;
        identifier_of(member(request, *version == 0 ? "clientID" : "clientGroupID"));
        schema_version_of(request);
        const Json* mutations = member(request, "mutations");
        require(mutations != nullptr && mutations->is_array());
        for (const Json& mutation : *mutations) {
            require(mutation.is_object());
            if (*version == 1) identifier_of(member(mutation, "clientID"));
            number_of(member(mutation, "id"));
            text_of(member(mutation, "name"));
        }
        return true;
    } catch (const Refused&) {
        return false;
    }
}

// Whether the cookie has the order of the value, or one that says that none is known.
bool order_fits(const Order& order, const Json* value) {
    if (value != nullptr && value->is_number()) {
        const double number = value->get<double>();
        return order.level == 0 && (number > static_cast<double>(Order::max)
                                        ? order.number == Order::unknown
                                        : order.number == (number < 0 ? -1 : static_cast<std::int64_t>(std::ceil(number))));
    }
    int level = 0;
    if (value != nullptr && value->is_string())
        for (std::string_view text = value->get_ref<const std::string&>(); text.starts_with("\xef\xbf\xbf"); text.remove_prefix(3)) ++level;
    return order.level == level && (level > 0 || order.number == Order::unknown);
}

// A cookie that names an origin is as it says, or not one of ours.
bool cookie_fits(const Cookie& cookie, const Json& value) {
    if (!value.is_object()) return cookie.origin.empty() && order_fits(cookie.order, &value);
    // Too many members are not read; the same name may come often.
    const bool few = std::count(cookie.source.begin(), cookie.source.end(), ',') < static_cast<std::ptrdiff_t>(protocol::max_members);
    if (!order_fits(cookie.order, few ? member(value, "order") : nullptr) && (few || !order_fits(cookie.order, member(value, "order"))))
        return false;
    if (cookie.origin.empty()) return true;
    if (cookie.origin != member(value, "origin")->get_ref<const std::string&>()) return false;
    if (cookie.xmax == 0) return cookie.version == number_of(member(value, "version"));
    std::vector<std::int64_t> in_progress;
    for (const Json& id : *member(value, "inProgress")) in_progress.push_back(number_of(&id));
    return cookie.xmax == number_of(member(value, "xmax")) && cookie.in_progress == in_progress &&
           std::set(in_progress.begin(), in_progress.end()).size() == in_progress.size();
}

// What the pull asks for; nothing: its version is not known.
std::optional<protocol::Pull> pull_of(const Json& request) {
    const auto version = version_of(request, "pullVersion");
    if (!version) return std::nullopt;
    protocol::Pull pull{};
    pull.version = *version;
    pull.client_group_id = identifier_of(member(request, *version == 0 ? "clientID" : "clientGroupID"));
    pull.schema_version = schema_version_of(request);
    if (pull.version == 0 && member(request, "lastMutationID") != nullptr)
        pull.last_mutation_id = number_of(member(request, "lastMutationID"));
    return pull;
}

}  // namespace

void push(std::string_view text) {
    const auto verdict = parsed(text, protocol::parse_push);
    if (!verdict) return;
    const auto& result = *verdict;
    const auto* push = result ? std::get_if<protocol::Push>(&*result) : nullptr;
    if (push != nullptr)
        for (const auto& mutation : push->batch.mutations) check_within(mutation.args, text);
    const auto request = json_of(text);
    if (!request) return;
    const auto valid = push_is_valid(*request);
    check(result.has_value() == (!valid || *valid), "a push is accepted if it is well-formed");
    check(!result || std::holds_alternative<VersionNotSupported>(*result) == !valid, "unknown versions are called so");
    if (push == nullptr) return;
    check(push->batch.client_group_id == (*request)[push->version == 0 ? "clientID" : "clientGroupID"].get_ref<const std::string&>(),
          "client group");
    check(push->batch.schema_version == request->value("schemaVersion", ""), "schemaVersion");
    compare_push(*request, *push);
}

void pull(std::string_view text) {
    const auto verdict = parsed(text, protocol::parse_pull);
    if (!verdict) return;
    const auto& result = *verdict;
    const auto request = json_of(text);
    if (!request) return;
    try {
        const auto expected = pull_of(*request);
        check(result.has_value(), "a well-formed pull is accepted");
        check(std::holds_alternative<VersionNotSupported>(*result) == !expected, "unknown versions are called so");
        if (!expected) return;
        const auto& pull = std::get<protocol::Pull>(*result);
        check(pull.version == expected->version && pull.client_group_id == expected->client_group_id, "version and client group");
        check(pull.schema_version == expected->schema_version && pull.last_mutation_id == expected->last_mutation_id,
              "schemaVersion, lastMutationID");
        const Json* cookie = member_or_null(*request, "cookie");
        check(pull.cookie.has_value() == (cookie != nullptr) && (!cookie || cookie_fits(*pull.cookie, *cookie)), "the cookie");
    } catch (const Refused&) {
        check(!result, "a malformed pull is refused");
    }
}

}  // namespace replicache::fuzz
