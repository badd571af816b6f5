#include "protocol/replicache.h"

#include <algorithm>

#include "base/text.h"
#include "protocol/cookie.h"
#include "protocol/halt.h"
#include "protocol/writer.h"

namespace replicache::protocol {

namespace {

// Nothing for a version that we do not speak. To be called before all else: such a request may look quite different.
std::optional<int> read_version(const Object& request, std::string_view name) {
    const std::string_view value = request.at(name);
    if (!is_unsigned_integer(value)) throw MalformedRequest(request.path_of(name), "an unsigned integer", value);
    if (value == "0" || value == "1") return value == "0" ? 0 : 1;
    return std::nullopt;
}

std::string read_schema_version(const Object& request) {
    return request.find("schemaVersion").empty() ? std::string() : request.text("schemaVersion");
}

std::optional<Cookie> read_cookie(std::string_view value, const Path& path) {
    if (value.empty() || value == "null") return std::nullopt;
    return parse_cookie(value, path);
}

void write_rejection(Writer& writer, const Batch& batch, const Rejection& rejection) {
    const auto& [index, failure] = rejection;
    const Mutation& mutation = batch.mutations.at(index);
    writer.begin('{');
    writer.member("clientID", batch.client_of(mutation));
    writer.member("id", mutation.id);
    writer.member("name", mutation.name);
    writer.member("code", failure.sqlstate);
    writer.member("message", failure.message);
    writer.member_or_null("detail", failure.detail);
    writer.member_or_null("hint", failure.hint);
    writer.end('}');
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

std::variant<Push, VersionNotSupported> parse_push(std::string_view text) {
    const Object request(text, "push");
    const auto version = read_version(request, "pushVersion");
    if (!version) return VersionNotSupported{"push"};
    Push push{*version, {}};
    push.batch.client_group_id = request.identifier(push.version == 0 ? "clientID" : "clientGroupID");
    push.batch.schema_version = read_schema_version(request);

    for_each_object(request.at("mutations"), request.path_of("mutations"), [&](const Object& mutation, const Extent& read) {
        read.make_room(push.batch.mutations);
        push.batch.mutations.push_back({
            .client_id = push.version == 0 ? std::string() : mutation.identifier("clientID"),
            .id = mutation.unsigned_integer("id"),
            .name = mutation.text("name"),
            .args = mutation.find("args"),
        });
    });
    return push;
}

std::variant<Pull, VersionNotSupported> parse_pull(std::string_view text) {
    const Object request(text, "pull");
    const auto version = read_version(request, "pullVersion");
    if (!version) return VersionNotSupported{"pull"};
    Pull pull{};
    pull.version = *version;
    pull.client_group_id = request.identifier(pull.version == 0 ? "clientID" : "clientGroupID");
    pull.schema_version = read_schema_version(request);
    pull.cookie = read_cookie(request.find("cookie"), request.path_of("cookie"));
    if (pull.version == 0) {
        pull.client_id = pull.client_group_id;
        // Only the server's own count goes into the answer, so a client need not tell us what it has seen.
        pull.last_mutation_id = request.find("lastMutationID").empty() ? 0 : request.unsigned_integer("lastMutationID");
    }
    return pull;
}

std::optional<Cookie> parse_single_cookie(std::string_view text) {
    const Path path = "cookie";
    Scanner scanner(text, path);
    const std::string_view value = scanner.value();
    scanner.expect_end();
    return read_cookie(value, path);
}

std::string push_answer(const Batch& batch, const Outcome& outcome) {
    if (outcome.client_state_not_found) return client_state_not_found();
    Writer writer;
    writer.begin('{');
    writer.member("version", outcome.version);
    writer.member("applied", outcome.applied);
    writer.member("skipped", outcome.skipped);
    writer.name("rejected");
    writer.begin('[');
    for (const auto& rejection : outcome.rejected) write_rejection(writer, batch, rejection);
    writer.end(']');
    if (const auto& halt = outcome.halted) {
        writer.name("halted");
        write_halt(writer, batch, *halt);
    } else {
        writer.json("halted", "null");
    }
    writer.end('}');
    return writer.take();
}

std::string client_state_not_found() { return R"({"error":"ClientStateNotFound"})"; }

std::string version_not_supported(const VersionNotSupported& refusal) {
    return R"({"error":"VersionNotSupported","versionType":")" + refusal.version_type + R"("})";
}

bool schema_version_allowed(std::string_view setting, std::string_view schema_version) {
    if (trim(setting, is_blank).empty()) return true;
    for (std::size_t begin = 0; begin <= setting.size();) {
        const std::size_t end = std::min(setting.find(',', begin), setting.size());
        if (trim(setting.substr(begin, end - begin), is_blank) == schema_version) return true;
        begin = end + 1;
    }
    return false;
}

}  // namespace replicache::protocol
