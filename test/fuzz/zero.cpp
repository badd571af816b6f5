// Zero's pushes against the schema of @rocicorp/zero, and the answers to them.
#include "protocol/zero.h"

#include "fuzz.h"

namespace replicache::fuzz {

namespace {

using End = ZeroOutcome::End;

const Json& number_in(const Json& object, const char* name) {
    const Json* value = member(object, name);
    require(value != nullptr && value->is_number());
    return *value;
}

const Json& string_in(const Json& object, const char* name) {
    const Json* value = member(object, name);
    require(value != nullptr && value->is_string());
    return *value;
}

bool is_custom(const Json& mutation) { return mutation["type"] == "custom"; }

// Throws Refused where the request is malformed.
void check_shape(const Json& request) {
    require(request.is_object());
    text_of(member(request, "clientGroupID"));
    const Json* mutations = member(request, "mutations");
    require(mutations != nullptr && mutations->is_array());
    for (const Json& mutation : *mutations) {
        require(mutation.is_object());
        const std::string type = string_in(mutation, "type");
        require(type == "custom" || type == "crud");
        number_of(member(mutation, "id"));
        text_of(member(mutation, "clientID"));
        const std::string name = text_of(member(mutation, "name"));
        require(type == "custom" || name == "_zero_crud");
        const Json* args = member(mutation, "args");
        require(args != nullptr && args->is_array());
        number_in(mutation, "timestamp");
    }
    number_in(request, "pushVersion");
    number_in(request, "timestamp");
    string_in(request, "requestID");
    if (member(request, "schemaVersion") != nullptr) number_in(request, "schemaVersion");
    for (const char* name : {"auth", "traceparent"})
        if (member(request, name) != nullptr) string_in(request, name);
}

ZeroCleanup sound_cleanup(const Json& args, const std::string& client_group_id) {
    ZeroCleanup cleanup;
    require(args.is_object() && string_in(args, "clientGroupID") == client_group_id);
    const Json* type = member(args, "type");
    if (type != nullptr && *type == "bulk") {
        const Json* ids = member(args, "clientIDs");
        require(ids != nullptr && ids->is_array() && args.size() == 3);
        for (const Json& id : *ids)
            if (id != "") cleanup.client_ids.push_back(text_of(&id));
    } else {
        require(type == nullptr ? args.size() == 3 : *type == "single" && args.size() == 4);
        const std::string id = text_of(member(args, "clientID"));
        cleanup.up_to_id = number_of(member(args, "upToMutationID"));
        cleanup.client_ids.push_back(id);
    }
    return cleanup;
}

void check_cleanup(const ZeroCleanup& cleanup, const Json& args, const Mutation& mutation, const std::string& client_group_id) {
    ZeroCleanup expected;
    try {
        expected = sound_cleanup(args.empty() ? Json() : args[0], client_group_id);
    } catch (const Refused&) {}
    // A member that comes twice is one to nlohmann/json, and one too many here.
    const auto colons = static_cast<std::size_t>(std::count(mutation.args.begin(), mutation.args.end(), ':'));
    if (cleanup.client_ids.empty() && !args.empty() && colons > args[0].size()) return;
    check(cleanup.client_ids == expected.client_ids, "the clients whose results are removed");
    check(cleanup.client_ids.empty() || cleanup.up_to_id == expected.up_to_id, "up to which id results are removed");
}

void compare(const Json& request, const ZeroPush& push) {
    check(push.batch.client_group_id == request["clientGroupID"], "clientGroupID");
    const Json* version = member(request, "schemaVersion");
    check(version == nullptr ? push.batch.schema_version.empty() : json_of(push.batch.schema_version) == *version, "schemaVersion");
    const Json& mutations = request["mutations"];
    check(push.batch.mutations.size() == mutations.size(), "the push has all mutations");
    std::optional<std::size_t> crud;
    auto cleanup = push.cleanups.begin();
    for (std::size_t i = 0; i < mutations.size(); ++i) {
        const Mutation& mutation = push.batch.mutations[i];
        std::string name = mutations[i]["name"];
        if (is_custom(mutations[i]) && name == "_zero_cleanupResults") {
            check(cleanup != push.cleanups.end() && cleanup->mutation == i, "a cleanup is one");
            check_cleanup(*cleanup, mutations[i]["args"], mutation, push.batch.client_group_id);
            ++cleanup;
        }
        if (!is_custom(mutations[i]) && !crud) crud = i;
        for (char& c : name)
            if (c == '|') c = '.';
        check(mutation.client_id == mutations[i]["clientID"] && mutation.id == mutations[i]["id"] && mutation.name == name, "a mutation");
        const Json& args = mutations[i]["args"];
        check(args.empty() ? mutation.args.empty() : json_of(mutation.args) == args[0], "the first of the args");
    }
    check(cleanup == push.cleanups.end() && push.crud == crud, "no more cleanups, and the first crud");
}

Json answer_of(const std::string& answer) {
    const auto json = json_of(answer);
    check(json.has_value(), "an answer is JSON");
    return *json;
}

// The ids from one mutation on, as an answer lists them.
Json ids_from(const ZeroPush& push, std::size_t from) {
    Json ids = Json::array();
    for (std::size_t i = from; i < push.batch.mutations.size(); ++i)
        ids.push_back({{"id", push.batch.mutations[i].id}, {"clientID", push.batch.mutations[i].client_id}});
    return ids;
}

void check_failed(const std::string& text, const char* reason, const ZeroPush& push, std::size_t from) {
    const Json answer = answer_of(text);
    check(answer["kind"] == "PushFailed" && answer["origin"] == "server" && answer["reason"] == reason, "why the push has failed");
    check(answer["message"].is_string() && answer["mutationIDs"] == ids_from(push, from), "a message, and all ids");
}

// Details are what the error says, or that it is one, and never the text of an error of PostgreSQL.
void check_details(const Json& result, const Failure& failure) {
    const Json* details = member(result, "details");
    const std::string text = failure.detail.value_or("");
    const auto json = json_of(text);
    bool structured = json && json->is_structured();
    // What may be nested too deeply is a text then.
    if (structured && std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; }) > 100)
        structured = details != nullptr && *details == *json;
    if (structured)
        check(details != nullptr && *details == *json, "details in JSON");
    else if (failure.sqlstate != "P0001")
        check(details != nullptr && *details == Json{{"name", "error"}}, "details of PostgreSQL are hidden");
    else
        check(failure.detail ? details != nullptr && *details == *failure.detail : details == nullptr, "details in words");
}

// Every third mutation is refused, with its own args as the detail, every third was processed before, and every third has a result.
void check_response(const ZeroPush& push, std::size_t reached) {
    ZeroOutcome outcome;
    outcome.reached = reached;
    outcome.data.resize(push.batch.mutations.size());
    Json expected = Json::array();
    auto cleanup = push.cleanups.begin();
    for (std::size_t i = 0; i < reached; ++i) {
        const Mutation& mutation = push.batch.mutations[i];
        if (cleanup != push.cleanups.end() && cleanup->mutation == i) {
            ++cleanup;
            continue;
        }
        expected.push_back({{"clientID", mutation.client_id}, {"id", mutation.id}});
        if (i % 3 == 0) {
            const bool raised = i % 2 == 0;
            outcome.rejected.push_back({i, {raised ? "P0001" : "23505", mutation.name, std::string(mutation.args), {}}});
        } else if (i % 3 == 1) {
            outcome.replayed.push_back({i, mutation.id + 1});
        } else {
            outcome.data[i] = mutation.args;
        }
    }
    const Json answer = answer_of(protocol::zero_answer(push, outcome, push.batch.client_group_id));
    check(answer["kind"] == "MutateResponse" && answer["userID"] == push.batch.client_group_id, "a response");
    const Json& mutations = answer["mutations"];
    check(mutations.size() == expected.size(), "a result for each mutation that is no cleanup");
    auto rejection = outcome.rejected.begin();
    for (std::size_t i = 0; i < mutations.size(); ++i) {
        check(mutations[i]["id"] == expected[i], "results in the order of the mutations");
        const Json& result = mutations[i]["result"];
        if (result.value("error", "") != "app") continue;
        check(rejection != outcome.rejected.end() && result["message"] == rejection->failure.message, "the message of an error");
        check_details(result, (rejection++)->failure);
    }
    check(rejection == outcome.rejected.end(), "all errors are in the answer");
}

void check_answers(const ZeroPush& push) {
    check_failed(protocol::zero_parameter_missing(push, "schema"), "parse", push, 0);
    check_failed(protocol::zero_refused(push, {"unsupportedPushVersion", "no"}), "unsupportedPushVersion", push, 0);
    const std::size_t count = push.batch.mutations.size();
    ZeroOutcome outcome;
    for (const std::size_t reached : {std::size_t(0), count / 2, count}) {
        outcome.reached = reached;
        outcome.end = End::crud;
        check_failed(protocol::zero_answer(push, outcome, std::nullopt), "internal", push, reached);
        outcome.end = End::no_table;
        outcome.table = push.batch.client_group_id;
        check_failed(protocol::zero_answer(push, outcome, std::nullopt), "database", push, reached);
        check_response(push, reached);
        if (reached == count) continue;
        outcome.end = End::out_of_order;
        check_failed(protocol::zero_answer(push, outcome, std::nullopt), "oooMutation", push, reached);
        outcome.end = End::halted;
        outcome.halted = Halt{Halt::Reason::temporary, reached, 0, {"RE001", push.batch.mutations[reached].name, {}, {}}};
        const Json answer = answer_of(protocol::zero_answer(push, outcome, std::nullopt));
        check(answer["halted"]["id"] == push.batch.mutations[reached].id, "before which mutation the push has stopped");
    }
}

}  // namespace

void zero(std::string_view text) {
    std::optional<protocol::ZeroRefusal> refusal;
    const auto verdict = parsed(text, [&](std::string_view request) { return protocol::parse_zero_push(request, refusal); });
    if (!verdict) return;
    const auto& push = *verdict;
    if (push)
        for (const Mutation& mutation : push->batch.mutations) check_within(mutation.args, text);
    const auto request = json_of(text);
    if (!request) return;
    try {
        check_shape(*request);
    } catch (const Refused&) {
        check(!push, "a malformed push is refused");
        return;
    }
    check(push.has_value(), "a well-formed push is accepted");
    check(refusal.has_value() != ((*request)["pushVersion"].is_number_unsigned() && (*request)["pushVersion"] == 1), "the version");
    compare(*request, *push);
    check_answers(*push);
}

}  // namespace replicache::fuzz
