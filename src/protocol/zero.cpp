#include "protocol/zero.h"

#include "base/zero_name.h"
#include "protocol/halt.h"
#include "protocol/zero_error.h"
#include "protocol/zero_shape.h"

namespace replicache::protocol {

namespace {

constexpr std::string_view cleanup_name = "_zero_cleanupResults";
constexpr std::string_view crud_name = "_zero_crud";

// Returns false for a mutation that is not a custom one.
bool read_type(const ZeroObject& mutation) {
    const std::string_view type = mutation.at("type");
    if (is_string(type, "custom")) return true;
    if (is_string(type, "crud")) return false;
    throw MalformedRequest(R"(Expected literal value "crud" or "custom" at )" + mutation.path_of("type") + " Got " + shown_by_zero(type));
}

// In memory, a short id is eight times as long as in the request. So there must be room for the ids, and not for more. No client has an
// empty one.
std::vector<std::string> read_client_ids(const ZeroObject& args) {
    const std::string_view array = args.array("clientIDs");
    const Path path = "clientIDs";
    constexpr std::string_view empty = R"("")";
    std::size_t count = 0;
    for_each_element(array, path, [&](std::string_view id, const Extent&) { count += id == empty ? 0 : 1; });
    std::vector<std::string> ids;
    ids.reserve(count);
    for_each_element(array, path, [&](std::string_view id, const Extent&) {
        if (id != empty) ids.push_back(to_text(id, path));
    });
    return ids;
}

// What is wrong in the arguments of a cleanup is no fault of the push. Clients name their group: the results of others are not theirs.
ZeroCleanup read_cleanup(std::size_t mutation, std::string_view args, const std::string& client_group_id) {
    ZeroCleanup cleanup{.mutation = mutation, .client_ids = {}, .up_to_id = std::nullopt};
    try {
        const ZeroObject object(args, "args.0");
        if (object.text("clientGroupID") != client_group_id) return cleanup;
        const bool typed = !object.find("type").empty();
        const std::string type = typed ? object.text("type") : "single";
        if (type == "bulk" && object.size() == 3) {
            cleanup.client_ids = read_client_ids(object);
        } else if (type == "single" && object.size() == (typed ? 4 : 3)) {
            cleanup.up_to_id = object.integer("upToMutationID");
            cleanup.client_ids.push_back(object.text("clientID"));
        }
    } catch (const MalformedRequest&) {
        cleanup.client_ids.clear();
    }
    return cleanup;
}

void read_mutation(const ZeroObject& mutation, ZeroPush& push) {
    const bool custom = read_type(mutation);
    Mutation read{.client_id = {}, .id = mutation.integer("id"), .name = {}, .args = {}};
    read.client_id = mutation.text("clientID");
    if (!custom && !is_string(mutation.at("name"), crud_name))
        throw MalformedRequest("Expected literal value \"" + std::string(crud_name) + "\" at " + mutation.path_of("name") + " Got " +
                               shown_by_zero(mutation.at("name")));
    read.name = zero_name(mutation.text("name"));
    read.args = first_element(mutation.array("args"));
    mutation.number("timestamp");

    const std::size_t index = push.batch.mutations.size();
    if (!custom && !push.crud) push.crud = index;
    if (custom && read.name == cleanup_name)
        push.cleanups.push_back(read_cleanup(index, read.args.empty() ? "null" : read.args, push.batch.client_group_id));
    push.batch.mutations.push_back(std::move(read));
}

void write_ids(Writer& writer, const ZeroPush& push, std::size_t from) {
    writer.name("mutationIDs");
    writer.begin('[');
    for (std::size_t i = from; i < push.batch.mutations.size(); ++i) {
        const Mutation& mutation = push.batch.mutations[i];
        writer.begin('{');
        writer.member("id", mutation.id);
        writer.member("clientID", mutation.client_id);
        writer.end('}');
    }
    writer.end(']');
}

void write_failure(Writer& writer, std::string_view reason) {
    writer.member("kind", "PushFailed");
    writer.member("origin", "server");
    writer.member("reason", reason);
}

// `error_name`: of the error in Zero's library; empty: the class Error.
std::string push_failed(std::string_view reason, std::string_view message, const ZeroPush& push, std::size_t from,
                        std::string_view error_name) {
    Writer writer;
    writer.begin('{');
    write_failure(writer, reason);
    writer.member("message", message);
    write_ids(writer, push, from);
    if (!error_name.empty()) {
        writer.name("details");
        writer.begin('{');
        writer.member("name", error_name);
        writer.end('}');
    }
    writer.end('}');
    return writer.take();
}

void write_result(Writer& writer, const Mutation& mutation, std::string_view result) {
    writer.begin('{');
    writer.name("id");
    writer.begin('{');
    writer.member("clientID", mutation.client_id);
    writer.member("id", mutation.id);
    writer.end('}');
    writer.json("result", result);
    writer.end('}');
}

std::string already_processed(const Mutation& mutation, std::int64_t expected) {
    Writer writer;
    writer.begin('{');
    writer.member("error", "alreadyProcessed");
    writer.member("details", "Ignoring mutation from " + mutation.client_id + " with ID " + std::to_string(mutation.id) +
                                 " as it was already processed. Expected: " + std::to_string(expected));
    writer.end('}');
    return writer.take();
}

std::string mutate_response(const ZeroPush& push, const ZeroOutcome& outcome, const std::optional<std::string>& user_id) {
    Writer writer;
    writer.begin('{');
    writer.member("kind", "MutateResponse");
    writer.name("mutations");
    writer.begin('[');
    auto cleanup = push.cleanups.begin();
    auto rejection = outcome.rejected.begin();
    auto replay = outcome.replayed.begin();
    for (std::size_t i = 0; i < outcome.reached; ++i) {
        const Mutation& mutation = push.batch.mutations[i];
        if (cleanup != push.cleanups.end() && cleanup->mutation == i)
            ++cleanup;
        else if (rejection != outcome.rejected.end() && rejection->mutation == i)
            write_result(writer, mutation, zero_app_error((rejection++)->failure));
        else if (replay != outcome.replayed.end() && replay->mutation == i)
            write_result(writer, mutation, already_processed(mutation, (replay++)->expected));
        else if (outcome.data[i].empty())
            write_result(writer, mutation, "{}");
        else
            write_result(writer, mutation, "{\"data\":" + outcome.data[i] + "}");
    }
    writer.end(']');
    writer.member_or_null("userID", user_id);
    writer.end('}');
    return writer.take();
}

}  // namespace

ZeroPush parse_zero_push(std::string_view text, std::optional<ZeroRefusal>& refusal) {
    const ZeroObject request(text, "");
    ZeroPush push;
    push.batch.client_group_id = request.text("clientGroupID");
    for_each_element(request.array("mutations"), Path("mutations"), [&](std::string_view mutation, const Extent& read) {
        read.make_room(push.batch.mutations);
        read_mutation(ZeroObject(mutation, "mutations." + std::to_string(push.batch.mutations.size())), push);
    });
    const std::string_view version = request.number("pushVersion");
    request.number("timestamp");
    request.string("requestID");
    push.batch.schema_version = request.optional_number("schemaVersion");
    request.optional_string("auth");
    request.optional_string("traceparent");
    if (version != "1") refusal = {"unsupportedPushVersion", "Unsupported push version: " + std::string(version)};
    return push;
}

std::string zero_malformed(const MalformedRequest& error) {
    return push_failed("parse", "Failed to parse push body: " + std::string(error.what()), {}, 0, "TypeError");
}

std::string zero_parameter_missing(const ZeroPush& push, std::string_view name) {
    return push_failed("parse", "Failed to parse push query parameters: Missing property " + std::string(name), push, 0, "TypeError");
}

std::string zero_refused(const ZeroPush& push, const ZeroRefusal& refusal) {
    Writer writer;
    writer.begin('{');
    write_failure(writer, refusal.reason);
    write_ids(writer, push, 0);
    writer.member("message", refusal.message);
    writer.end('}');
    return writer.take();
}

std::string zero_answer(const ZeroPush& push, const ZeroOutcome& outcome, const std::optional<std::string>& user_id) {
    using End = ZeroOutcome::End;
    switch (outcome.end) {
        case End::done: break;
        case End::out_of_order: {
            const Mutation& mutation = push.batch.mutations[outcome.reached];
            return push_failed("oooMutation",
                               "Client " + mutation.client_id + " sent mutation ID " + std::to_string(mutation.id) + " but expected " +
                                   std::to_string(outcome.expected),
                               push, outcome.reached, "");
        }
        case End::crud: return push_failed("internal", "Expected custom mutation", push, outcome.reached, "");
        case End::no_table:
            return push_failed("database", "Database transaction failed after opening: relation \"" + outcome.table + "\" does not exist",
                               push, outcome.reached, "DatabaseTransactionError");
        case End::halted: {
            Writer writer;
            writer.begin('{');
            writer.name("halted");
            write_halt(writer, push.batch, *outcome.halted);
            writer.end('}');
            return writer.take();
        }
    }
    return mutate_response(push, outcome, user_id);
}

std::string zero_app_error(const Failure& failure) {
    Writer writer;
    writer.begin('{');
    writer.member("error", "app");
    writer.member("message", failure.message);
    write_zero_details(writer, failure);
    writer.end('}');
    return writer.take();
}

}  // namespace replicache::protocol
