// Zero's pushes, and what goes back to zero-cache, byte for byte. The texts are those of @rocicorp/zero 1.9.0.
#include "protocol/zero.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "helpers.h"
#include "protocol/zero_error.h"

namespace replicache::protocol {

namespace {

using End = ZeroOutcome::End;

// As captured from zero-cache, with a second mutation.
const std::string first = R"({"type":"custom","id":1,"clientID":"c","name":"todo.create","timestamp":1795844328328,"args":[{"id":"a"}]})";
const std::string second = R"({"type":"custom","id":2,"clientID":"d","name":"todo|rename","args":[ 7 , "more"],"timestamp":-1.5e3})";

std::string push_of(const std::string& mutations) {
    return R"({"clientGroupID":"g","timestamp":1795844328335,"mutations":[)" + mutations +
           R"(],"pushVersion":1,"requestID":"d-ad17444-3"})";
}

const std::string push_text = push_of(first + "," + second);

// A custom mutation with one member as it is given here.
std::string mutation_with(std::string_view member, std::string_view value) { return replaced(first, member, value); }

std::string crud(int id) {
    return R"({"type":"crud","id":)" + std::to_string(id) + R"(,"clientID":"c","name":"_zero_crud","args":[{"ops":[]}],"timestamp":1})";
}

std::string cleanup(std::string_view args) {
    return R"({"type":"custom","id":0,"clientID":"c","name":"_zero_cleanupResults","args":[)" + std::string(args) + R"(],"timestamp":1})";
}

ZeroPush accepted(std::string_view text) {
    std::optional<ZeroRefusal> refusal;
    ZeroPush push = parse_zero_push(text, refusal);
    EXPECT_FALSE(refusal) << text;
    return push;
}

std::string fault(std::string_view text) {
    return fault_of([&] {
        std::optional<ZeroRefusal> refusal;
        parse_zero_push(text, refusal);
    });
}

// What zero-cache gets for a version that is not supported.
std::string refused(std::string_view text) {
    std::optional<ZeroRefusal> refusal;
    const ZeroPush push = parse_zero_push(text, refusal);
    return refusal ? zero_refused(push, *refusal) : "accepted";
}

// The push has the texts of its own: those of the mutations are slices.
std::string answer(const std::string& text, const ZeroOutcome& outcome, const std::optional<std::string>& user_id = "ann") {
    return zero_answer(accepted(text), outcome, user_id);
}

ZeroOutcome ended(End end, std::size_t reached, std::size_t mutations) {
    ZeroOutcome outcome;
    outcome.end = end;
    outcome.reached = reached;
    outcome.data.resize(mutations);
    return outcome;
}

ZeroOutcome done(std::size_t mutations) { return ended(End::done, mutations, mutations); }

Rejection rejection(std::size_t mutation, std::string message) { return {mutation, {"P0001", std::move(message), {}, {}}}; }

// The member "details" of an error, with its name; empty: it has none.
std::string details(const std::string& sqlstate, const std::optional<std::string>& detail) {
    const std::string error = zero_app_error({sqlstate, "m", detail, "not for the client"});
    EXPECT_TRUE(nlohmann::json::accept(error)) << error;
    const std::string head = R"({"error":"app","message":"m")";
    EXPECT_EQ(error.substr(0, head.size()), head);
    return error.substr(head.size(), error.size() - head.size() - 1);
}

const std::string error_only = R"(,"details":{"name":"error"})";

// What the cleanup of these args removes: clients and the last id, or nothing.
std::string removed(std::string_view args) {
    const ZeroPush push = accepted(push_of(cleanup(args)));
    EXPECT_EQ(push.cleanups.size(), 1U);
    EXPECT_EQ(push.batch.mutations.size(), 1U);
    std::string all;
    for (const std::string& client : push.cleanups[0].client_ids) all += client + " ";
    if (all.empty()) return "nothing";
    return all + (push.cleanups[0].up_to_id ? "up to " + std::to_string(*push.cleanups[0].up_to_id) : "all");
}

}  // namespace

TEST(ParseZeroPush, AsZeroCacheSendsIt) {
    const ZeroPush push = accepted(push_text);
    EXPECT_EQ(push.batch.client_group_id, "g");
    EXPECT_EQ(push.batch.schema_version, "");
    EXPECT_TRUE(push.cleanups.empty());
    EXPECT_FALSE(push.crud);
    ASSERT_EQ(push.batch.mutations.size(), 2U);
    EXPECT_EQ(push.batch.mutations[0].client_id, "c");
    EXPECT_EQ(push.batch.mutations[0].id, 1);
    EXPECT_EQ(push.batch.mutations[0].name, "todo.create");
    EXPECT_EQ(push.batch.mutations[0].args, R"({"id":"a"})");
    EXPECT_EQ(push.batch.mutations[0].args.data(), push_text.data() + push_text.find(R"({"id":"a"})"));
    EXPECT_EQ(push.batch.mutations[1].client_id, "d");
    EXPECT_EQ(push.batch.mutations[1].id, 2);
    EXPECT_EQ(push.batch.mutations[1].name, "todo.rename");
    EXPECT_EQ(push.batch.mutations[1].args, "7");
    EXPECT_TRUE(accepted(push_of("")).batch.mutations.empty());
}

TEST(ParseZeroPush, MembersThatMayBeMissing) {
    const std::string more = R"(,"schemaVersion":7.50,"auth":"","traceparent":"\ud800","anything":[null]})";
    const ZeroPush push = accepted(push_text.substr(0, push_text.size() - 1) + more);
    EXPECT_EQ(push.batch.schema_version, "7.50");
    EXPECT_EQ(push.batch.mutations.size(), 2U);
}

TEST(ParseZeroPush, DotsAndBarsAreTheSameInNames) {
    for (const auto& [written, name] :
         {std::pair("a", "a"), std::pair("a.b", "a.b"), std::pair("a|b", "a.b"), std::pair("a|b.c|d", "a.b.c.d"), std::pair("|", "."),
          std::pair("", ""), std::pair(R"(a\u007cb)", "a.b"), std::pair(R"(\ud83d\ude00|é\n\"\\)", "😀.é\n\"\\"),
          std::pair("_zero_crud", "_zero_crud"), std::pair("_zero|cleanupResults", "_zero.cleanupResults")})
        EXPECT_EQ(accepted(push_of(mutation_with("todo.create", written))).batch.mutations.at(0).name, name);
}

TEST(ParseZeroPush, TheFirstOfTheArgsCounts) {
    const std::string deep = repeated("[", 100'000) + repeated("]", 100'000);
    for (const std::string& args : {std::string("null"), std::string("0"), std::string("-1.50"), std::string("1e999"), std::string(R"("")"),
                                    std::string(R"("\u0000\ud800")"), std::string(R"(["]","}",{"a":"\"]"}])"), std::string("{ \"a\" : 1 }"),
                                    std::string("123456789012345678901234567890"), std::string("[]"), deep}) {
        EXPECT_EQ(accepted(push_of(mutation_with(R"([{"id":"a"}])", "[" + args + "]"))).batch.mutations.at(0).args, args);
        EXPECT_EQ(accepted(push_of(mutation_with(R"([{"id":"a"}])", "[\n" + args + " ,[], 2 ]"))).batch.mutations.at(0).args, args);
    }
    EXPECT_EQ(accepted(push_of(mutation_with(R"([{"id":"a"}])", "[]"))).batch.mutations.at(0).args, "");
    EXPECT_EQ(accepted(push_of(mutation_with(R"([{"id":"a"}])", "[ \t]"))).batch.mutations.at(0).args, "");
}

TEST(ParseZeroPush, WhitespaceEscapesAndEqualMembers) {
    const ZeroPush push = accepted(
        "\n { \"client\\u0047roupID\" : 5 , \"clientGroupID\" : \"\\u0067\\n\" , \"mutations\":[ { \"type\" : \"cust\\u006fm\" ,"
        " \"\\u0069d\" : 3 , \"clientID\" : \"x\", \"clientI\\u0044\" : \"\\ud83d\\ude00\", \"name\":\"n\" , \"args\" :[ ] ,\t"
        "\"timestamp\":0 } ,{\"type\":\"\\u0063rud\",\"id\":0,\"clientID\":\"\",\"name\":\"_zero\\u005fcrud\",\"args\":[],\"timestamp\":0}"
        " ] , \"pushVersion\" :\t1 , \"timestamp\":2,\"requestID\":\"\\u0000\"} \r\n");
    EXPECT_EQ(push.batch.client_group_id, "g\n");
    ASSERT_EQ(push.batch.mutations.size(), 2U);
    EXPECT_EQ(push.batch.mutations[0].id, 3);
    EXPECT_EQ(push.batch.mutations[0].client_id, "😀");
    EXPECT_EQ(push.crud, 1U);
}

TEST(ParseZeroPush, Ids) {
    for (const std::int64_t id : {std::int64_t(0), std::int64_t(1), std::int64_t(2147483648), max_safe_integer})
        EXPECT_EQ(accepted(push_of(mutation_with(R"("id":1)", R"("id":)" + std::to_string(id)))).batch.mutations.at(0).id, id);
    // Zero's own library takes these for the number that they are in JavaScript. No client has such ids.
    for (const std::string id : {"-1", "-0", "1.5", "1.0", "1e0", "1e21", "1e999"})
        EXPECT_EQ(fault(push_of(mutation_with(R"("id":1)", R"("id":)" + id))), "mutations.0.id: expected an unsigned integer, got " + id);
    for (const std::string id : {"9007199254740992", "18446744073709551616"})
        EXPECT_EQ(fault(push_of(mutation_with(R"("id":1)", R"("id":)" + id))),
                  "mutations.0.id: expected an unsigned integer up to 9007199254740991, got " + id);
}

TEST(ParseZeroPush, MissingMembers) {
    EXPECT_EQ(fault("{}"), "Missing property clientGroupID");
    for (const std::string name : {"clientGroupID", "mutations", "pushVersion", "requestID"})
        EXPECT_EQ(fault(replaced(push_text, "\"" + name + "\"", R"("x")")), "Missing property " + name);
    EXPECT_EQ(fault(replaced(push_text, R"("timestamp":1795844328335)", R"("x":1)")), "Missing property timestamp");
    for (const std::string name : {"type", "id", "clientID", "name", "args", "timestamp"}) {
        EXPECT_EQ(fault(push_of(mutation_with("\"" + name + "\"", R"("x")"))), "Missing property " + name + " at mutations.0");
        EXPECT_EQ(fault(push_of(crud(1) + "," + replaced(crud(2), "\"" + name + "\"", R"("x")"))),
                  "Missing property " + name + " at mutations.1");
    }
    EXPECT_EQ(fault(push_of("{}")), "Missing property type at mutations.0");
    EXPECT_EQ(fault(push_of(R"({"Type":"custom"})")), "Missing property type at mutations.0");
}

TEST(ParseZeroPush, WrongTypes) {
    const std::vector<std::pair<std::string, std::string>> values = {{"null", "null"},    {"true", "true"},
                                                                     {"5", "5"},          {"-1.5e3", "-1.5e3"},
                                                                     {R"("x")", "\"x\""}, {R"("é\"\\\n\u0001")", R"("é\"\\\n\u0001")"},
                                                                     {"[]", "array"},     {"[[1]]", "array"},
                                                                     {"{}", "object"},    {R"({"a":1})", "object"}};
    const std::string body = push_text.substr(0, push_text.size() - 1);
    for (const auto& [value, got] : values) {
        const bool text = value.starts_with('"');
        const bool number = value == "5" || value == "-1.5e3";
        if (!value.starts_with('{')) {
            EXPECT_EQ(fault(value), "Expected object. Got " + got);
            EXPECT_EQ(fault(" " + value + "\n"), "Expected object. Got " + got);
            EXPECT_EQ(fault(push_of(value)), "Expected object at mutations.0. Got " + got);
            EXPECT_EQ(fault(push_of(first + "," + value)), "Expected object at mutations.1. Got " + got);
        }
        if (!value.starts_with('[')) {
            EXPECT_EQ(fault(body + R"(,"mutations":)" + value + "}"), "Expected array at mutations. Got " + got);
            EXPECT_EQ(fault(push_of(mutation_with(R"([{"id":"a"}])", value))), "Expected array at mutations.0.args. Got " + got);
        }
        if (!text) {
            for (const std::string name : {"clientGroupID", "requestID", "auth", "traceparent"})
                EXPECT_EQ(fault(body + ",\"" + name + "\":" + value + "}"), "Expected string at " + name + ". Got " + got);
            EXPECT_EQ(fault(push_of(mutation_with(R"("c")", value))), "Expected string at mutations.0.clientID. Got " + got);
            EXPECT_EQ(fault(push_of(mutation_with(R"("todo.create")", value))), "Expected string at mutations.0.name. Got " + got);
        }
        if (!number) {
            for (const std::string name : {"pushVersion", "timestamp", "schemaVersion"})
                EXPECT_EQ(fault(body + ",\"" + name + "\":" + value + "}"), "Expected number at " + name + ". Got " + got);
            EXPECT_EQ(fault(push_of(mutation_with("1795844328328", value))), "Expected number at mutations.0.timestamp. Got " + got);
            EXPECT_EQ(fault(push_of(mutation_with(R"("id":1)", R"("id":)" + value))), "Expected number at mutations.0.id. Got " + got);
        }
        EXPECT_EQ(fault(push_of(first + "," + mutation_with(R"("custom")", value))),
                  R"(Expected literal value "crud" or "custom" at mutations.1.type Got )" + got);
        EXPECT_EQ(fault(push_of(replaced(crud(1), R"("_zero_crud")", value))),
                  R"(Expected literal value "_zero_crud" at mutations.0.name Got )" + got);
    }
    for (const std::string type : {R"("Custom")", R"("crud ")", R"("")", R"("\ud800")", R"("cus\u0000tom")"})
        EXPECT_EQ(fault(push_of(mutation_with(R"("custom")", type))),
                  R"(Expected literal value "crud" or "custom" at mutations.0.type Got )" + type);
}

// Zero's library looks at the members in the order of its schema, whatever the order of the request.
TEST(ParseZeroPush, TheFirstFaultIsNamed) {
    EXPECT_EQ(fault(R"({"mutations":5,"clientGroupID":1})"), "Expected string at clientGroupID. Got 1");
    EXPECT_EQ(fault(R"({"mutations":5})"), "Missing property clientGroupID");
    EXPECT_EQ(fault(R"({"requestID":1,"clientGroupID":"g","mutations":[{}]})"), "Missing property type at mutations.0");
    EXPECT_EQ(fault(push_of(R"({"name":5,"id":"x","type":"custom"})")), R"(Expected number at mutations.0.id. Got "x")");
    EXPECT_EQ(fault(push_of(R"({"name":5,"type":"crud"})")), "Missing property id at mutations.0");
    EXPECT_EQ(fault(push_of(first + R"(,{"type":0,"id":"x"},7)")),
              R"(Expected literal value "crud" or "custom" at mutations.1.type Got 0)");
}

TEST(ParseZeroPush, LongValuesInMessages) {
    const std::string shown = "\"" + std::string(199, 'x');
    EXPECT_EQ(fault(push_of(shown.substr(0, 199) + "\"")), "Expected object at mutations.0. Got " + shown.substr(0, 199) + "\"");
    EXPECT_EQ(fault(push_of(shown + "\"")), "Expected object at mutations.0. Got " + shown + "…");
    EXPECT_EQ(fault(push_of(shown + repeated("x", 1'000'000) + "\"")), "Expected object at mutations.0. Got " + shown + "…");
    // Never within a character.
    for (std::size_t n = 0; n < 4; ++n) {
        const std::string message = fault(push_of("\"" + std::string(195 + n, 'x') + repeated("😀", 100) + "\""));
        EXPECT_EQ(message, "Expected object at mutations.0. Got \"" + std::string(195 + n, 'x') + (n == 0 ? "😀" : "") + "…");
    }
    EXPECT_EQ(fault(push_of("[" + repeated("0,", 1'000'000) + "0]")), "Expected object at mutations.0. Got array");
}

TEST(ParseZeroPush, TextThatCannotBeStored) {
    const std::string nul = R"(: expected a string without \u0000, got "a\u0000")";
    const std::string lone = R"(: expected a string of valid Unicode, got "\ud800")";
    for (const auto& [value, got] : {std::pair(R"("a\u0000")", nul), std::pair(R"("\ud800")", lone)}) {
        EXPECT_EQ(fault(replaced(push_text, R"("g")", value)), "clientGroupID" + got);
        EXPECT_EQ(fault(push_of(mutation_with(R"("c")", value))), "mutations.0.clientID" + got);
        EXPECT_EQ(fault(push_of(first + "," + mutation_with(R"("todo.create")", value))), "mutations.1.name" + got);
        EXPECT_EQ(fault(replaced(push_text, R"("d-ad17444-3")", value)), "accepted");  // is not stored
        EXPECT_EQ(fault(push_of(mutation_with(R"({"id":"a"})", value))), "accepted");
    }
}

TEST(ParseZeroPush, TooManyMembers) {
    const std::string many = repeated(R"("x":0,)", max_members);
    EXPECT_EQ(fault(replaced(push_text, "{", "{" + many)), "request: expected at most 100 members, got more");
    EXPECT_EQ(fault(push_of(replaced(first, "{", "{" + many))), "mutations.0: expected at most 100 members, got more");
}

TEST(ParseZeroPush, NotJson) {
    EXPECT_EQ(fault(push_text + "x"), "request: not valid JSON: expected the end, got x");
    EXPECT_EQ(fault(push_of(first + second)), R"(mutations: not valid JSON: expected "," or "]", got )" + second.substr(0, 40) + "…");
    EXPECT_EQ(fault(""), "Expected object. Got ");
}

TEST(ParseZeroPush, Crud) {
    EXPECT_EQ(accepted(push_of(crud(1))).crud, 0U);
    EXPECT_EQ(accepted(push_of(first + "," + crud(2) + "," + second + "," + crud(3))).crud, 1U);
    EXPECT_EQ(accepted(push_of(first + "," + crud(2))).batch.mutations.size(), 2U);
    EXPECT_FALSE(accepted(push_of(mutation_with("todo.create", "_zero_crud"))).crud);
    EXPECT_TRUE(accepted(push_of(replaced(crud(1), R"([{"ops":[]}])", "[]"))).crud);
    EXPECT_EQ(fault(push_of(replaced(cleanup("1"), "custom", "crud"))),
              R"(Expected literal value "_zero_crud" at mutations.0.name Got "_zero_cleanupResults")");
}

TEST(ParseZeroPush, Cleanups) {
    EXPECT_EQ(removed(R"({"type":"single","clientGroupID":"g","clientID":"c","upToMutationID":2})"), "c up to 2");
    EXPECT_EQ(removed(R"({"clientGroupID":"g","clientID":"x","upToMutationID":0})"), "x up to 0");
    EXPECT_EQ(removed(R"( { "clientGroupID":"\u0067","clientID":"\n","upToMutationID":9007199254740991 } )"), "\n up to 9007199254740991");
    EXPECT_EQ(removed(R"({"type":"bulk","clientGroupID":"g","clientIDs":["a","b"]})"), "a b all");
    EXPECT_EQ(removed(R"({"type":"bulk","clientGroupID":"g","clientIDs":["","a"]},7)"), "a all");

    const ZeroPush push = accepted(push_of(cleanup("1") + "," + first + "," + cleanup("2")));
    ASSERT_EQ(push.cleanups.size(), 2U);
    EXPECT_EQ(push.cleanups[0].mutation, 0U);
    EXPECT_EQ(push.cleanups[1].mutation, 2U);
    EXPECT_EQ(push.batch.mutations.size(), 3U);
    EXPECT_TRUE(accepted(push_of(mutation_with("todo.create", "_zero_cleanupresults"))).cleanups.empty());
}

TEST(ParseZeroPush, CleanupsThatRemoveNothing) {
    for (const std::string args :
         {"", "null", "1", R"("x")", "[]", "{}", R"({"clientGroupID":"g"})",
          // another group's
          R"({"clientGroupID":"h","clientID":"c","upToMutationID":2})", R"({"type":"bulk","clientGroupID":"h","clientIDs":["a"]})",
          R"({"clientGroupID":"","clientID":"c","upToMutationID":2})", R"({"clientGroupID":null,"clientID":"c","upToMutationID":2})",
          // no ids
          R"({"clientGroupID":"g","clientID":"c"})", R"({"clientGroupID":"g","upToMutationID":2})",
          R"({"clientGroupID":"g","clientID":5,"upToMutationID":2})", R"({"clientGroupID":"g","clientID":"\u0000","upToMutationID":2})",
          R"({"clientGroupID":"g","clientID":"c","upToMutationID":"2"})", R"({"clientGroupID":"g","clientID":"c","upToMutationID":-1})",
          R"({"clientGroupID":"g","clientID":"c","upToMutationID":1.5})",
          R"({"clientGroupID":"g","clientID":"c","upToMutationID":9007199254740992})", R"({"type":"bulk","clientGroupID":"g"})",
          R"({"type":"bulk","clientGroupID":"g","clientIDs":[""]})", R"({"type":"bulk","clientGroupID":"g","clientIDs":[]})",
          R"({"type":"bulk","clientGroupID":"g","clientIDs":"a"})", R"({"type":"bulk","clientGroupID":"g","clientIDs":["a",1]})",
          R"({"type":"bulk","clientGroupID":"g","clientIDs":["a",["b"]]})",
          // of another type, or of none
          R"({"type":"all","clientGroupID":"g","clientID":"c","upToMutationID":2})",
          R"({"type":null,"clientGroupID":"g","clientID":"c","upToMutationID":2})",
          R"({"type":"single","clientGroupID":"g","clientIDs":["a"]})", R"({"clientGroupID":"g","clientIDs":["a"]})",
          // members that do not belong there
          R"({"clientGroupID":"g","clientID":"c","upToMutationID":2,"x":1})",
          R"({"type":"single","clientGroupID":"g","clientID":"c","upToMutationID":2,"x":1})",
          R"({"type":"bulk","clientGroupID":"g","clientIDs":["a"],"clientID":"a"})"})
        EXPECT_EQ(removed(args), "nothing") << args;
}

TEST(ZeroCleanup, Covers) {
    const ZeroCleanup single = {.mutation = 0, .client_ids = {"a"}, .up_to_id = 2};
    EXPECT_TRUE(single.covers("a", 1));
    EXPECT_TRUE(single.covers("a", 2));
    EXPECT_FALSE(single.covers("a", 3));
    EXPECT_FALSE(single.covers("b", 1));
    const ZeroCleanup bulk = {.mutation = 0, .client_ids = {"a", "b"}, .up_to_id = {}};
    EXPECT_TRUE(bulk.covers("b", max_safe_integer));
    EXPECT_FALSE(bulk.covers("c", 0));
    EXPECT_FALSE(ZeroCleanup().covers("a", 0));
}

TEST(ZeroAnswer, Results) {
    EXPECT_EQ(answer(push_of(""), done(0)), R"({"kind":"MutateResponse","mutations":[],"userID":"ann"})");
    EXPECT_EQ(answer(push_of(first), done(1)),
              R"({"kind":"MutateResponse","mutations":[{"id":{"clientID":"c","id":1},"result":{}}],"userID":"ann"})");
    ZeroOutcome outcome = done(2);
    outcome.data[1] = R"({"k":[1.0,"\u00e9"]})";
    EXPECT_EQ(answer(push_text, outcome), R"({"kind":"MutateResponse","mutations":[{"id":{"clientID":"c","id":1},"result":{}},)"
                                          R"({"id":{"clientID":"d","id":2},"result":{"data":{"k":[1.0,"\u00e9"]}}}],"userID":"ann"})");
}

TEST(ZeroAnswer, UserIds) {
    EXPECT_EQ(answer(push_of(""), done(0), std::nullopt), R"({"kind":"MutateResponse","mutations":[],"userID":null})");
    EXPECT_EQ(answer(push_of(""), done(0), ""), R"({"kind":"MutateResponse","mutations":[],"userID":""})");
    EXPECT_EQ(answer(push_of(""), done(0), "é\"\\\n\x01\x7f"), R"({"kind":"MutateResponse","mutations":[],"userID":"é\"\\\n\u0001)"
                                                               "\x7f\"}");
}

TEST(ZeroAnswer, EverythingAtOnce) {
    const std::string text = push_of(cleanup("0") + "," + first + "," + second + "," + mutation_with(R"("id":1)", R"("id":9)") + "," +
                                     cleanup("0") + "," + mutation_with(R"("id":1)", R"("id":10)"));
    ZeroOutcome outcome = done(6);
    outcome.rejected = {rejection(2, "no"), rejection(5, "title is \"bad\"")};
    outcome.rejected[0].failure.detail = R"({"field":"title"})";
    outcome.replayed = {{1, 8}};
    outcome.data[3] = "null";
    EXPECT_EQ(answer(text, outcome),
              R"({"kind":"MutateResponse","mutations":[)"
              R"({"id":{"clientID":"c","id":1},"result":{"error":"alreadyProcessed","details":)"
              R"("Ignoring mutation from c with ID 1 as it was already processed. Expected: 8"}},)"
              R"({"id":{"clientID":"d","id":2},"result":{"error":"app","message":"no","details":{"field":"title"}}},)"
              R"({"id":{"clientID":"c","id":9},"result":{"data":null}},)"
              R"({"id":{"clientID":"c","id":10},"result":{"error":"app","message":"title is \"bad\""}}],"userID":"ann"})");
}

TEST(ZeroAnswer, NamesOfClientsAreQuoted) {
    const std::string text = push_of(mutation_with(R"("c")", R"("\u00e9\"\\\u0001")"));
    ZeroOutcome outcome = done(1);
    outcome.replayed = {{0, 5}};
    EXPECT_EQ(answer(text, outcome), R"({"kind":"MutateResponse","mutations":[{"id":{"clientID":"é\"\\\u0001","id":1},"result":)"
                                     R"({"error":"alreadyProcessed","details":"Ignoring mutation from é\"\\\u0001 with ID 1 )"
                                     R"(as it was already processed. Expected: 5"}}],"userID":"ann"})");
    outcome = ended(End::out_of_order, 0, 1);
    outcome.expected = 3;
    EXPECT_EQ(answer(text, outcome), R"({"kind":"PushFailed","origin":"server","reason":"oooMutation","message":)"
                                     R"("Client é\"\\\u0001 sent mutation ID 1 but expected 3","mutationIDs":)"
                                     R"([{"id":1,"clientID":"é\"\\\u0001"}]})");
}

TEST(ZeroAnswer, AGap) {
    ZeroOutcome outcome = ended(End::out_of_order, 1, 3);
    outcome.expected = 4;
    outcome.rejected = {rejection(0, "no")};  // stands, and is not in the answer
    EXPECT_EQ(answer(push_of(first + "," + second + "," + cleanup("0")), outcome),
              R"({"kind":"PushFailed","origin":"server","reason":"oooMutation","message":"Client d sent mutation ID 2 but expected 4",)"
              R"("mutationIDs":[{"id":2,"clientID":"d"},{"id":0,"clientID":"c"}]})");
}

TEST(ZeroAnswer, CrudAndMissingTables) {
    EXPECT_EQ(answer(push_of(first + "," + crud(2)), ended(End::crud, 1, 2)),
              R"({"kind":"PushFailed","origin":"server","reason":"internal","message":"Expected custom mutation",)"
              R"("mutationIDs":[{"id":2,"clientID":"c"}]})");
    ZeroOutcome outcome = ended(End::no_table, 0, 2);
    outcome.table = "no\"such.clients";
    EXPECT_EQ(answer(push_text, outcome),
              R"({"kind":"PushFailed","origin":"server","reason":"database",)"
              R"("message":"Database transaction failed after opening: relation \"no\"such.clients\" does not exist",)"
              R"("mutationIDs":[{"id":1,"clientID":"c"},{"id":2,"clientID":"d"}],"details":{"name":"DatabaseTransactionError"}})");
}

TEST(ZeroAnswer, TheTimeOfThePushIsOver) {
    ZeroOutcome outcome = ended(End::halted, 1, 2);
    outcome.halted = Halt{Halt::Reason::temporary, 1, 0, {"57014", "time", "d", std::nullopt}};
    EXPECT_EQ(answer(push_text, outcome), R"({"halted":{"clientID":"d","id":2,"reason":"temporary","name":"todo.rename","code":"57014",)"
                                          R"("message":"time","detail":"d","hint":null,"defect":false}})");
}

TEST(ZeroAnswer, Malformed) {
    EXPECT_EQ(zero_malformed(MalformedRequest("Expected string at clientGroupID. Got \"é\x01\"")),
              R"({"kind":"PushFailed","origin":"server","reason":"parse",)"
              R"("message":"Failed to parse push body: Expected string at clientGroupID. Got \"é\u0001\"",)"
              R"("mutationIDs":[],"details":{"name":"TypeError"}})");
    EXPECT_EQ(zero_parameter_missing(accepted(push_text), "schema"),
              R"({"kind":"PushFailed","origin":"server","reason":"parse",)"
              R"("message":"Failed to parse push query parameters: Missing property schema",)"
              R"("mutationIDs":[{"id":1,"clientID":"c"},{"id":2,"clientID":"d"}],"details":{"name":"TypeError"}})");
}

TEST(ZeroAnswer, OtherVersions) {
    for (const std::string version : {"2", "0", "-1", "1.5", "1e+21", "1e-7", "9007199254740992", "123456789012345678901234567890"})
        EXPECT_EQ(refused(replaced(push_of(first), R"("pushVersion":1)", R"("pushVersion":)" + version)),
                  R"({"kind":"PushFailed","origin":"server","reason":"unsupportedPushVersion","mutationIDs":[{"id":1,"clientID":"c"}],)"
                  R"("message":"Unsupported push version: )" +
                      version + "\"}");
    EXPECT_EQ(refused(push_text), "accepted");
    // Faults come first.
    EXPECT_EQ(fault(replaced(push_of(first), R"("pushVersion":1,"requestID")", R"("pushVersion":2,"x")")), "Missing property requestID");
}

TEST(ZeroAppError, DetailsForTheClient) {
    EXPECT_EQ(details("P0001", R"({"field":"title"})"), R"(,"details":{"field":"title"})");
    EXPECT_EQ(details("P0001", " \n[1, {\"a\":\"]\"}]\t"), R"(,"details":[1, {"a":"]"}])");
    EXPECT_EQ(details("ZZ001", "{ }"), R"(,"details":{ })");
    EXPECT_EQ(details("23505", "[]"), R"(,"details":[])");
    EXPECT_EQ(details("P0001", R"({"é":"\u0000"})"), R"(,"details":{"é":"\u0000"})");
}

TEST(ZeroAppError, DetailsThatAreTexts) {
    EXPECT_EQ(details("P0001", std::nullopt), "");
    for (const std::string text : {"", " ", "a text", "1", "null", "true", R"("a")", "é\n\"", "{", "{]", R"({"a":1},)", "{'a':1}", "[1,]",
                                   R"({"a":1e999})", "[NaN]", R"(["\ud800"])", "{} x", "{\"a\":1} // x"})
        EXPECT_EQ(details("P0001", text), ",\"details\":" + nlohmann::json(text).dump()) << text;
}

TEST(ZeroAppError, DetailsOfPostgresStayOnTheServer) {
    for (const auto& detail :
         {std::optional<std::string>(), std::optional<std::string>("Failing row contains (1, secret)."), std::optional<std::string>(""),
          std::optional<std::string>("(1, {2})"), std::optional<std::string>("{secret"), std::optional<std::string>("[secret]")})
        for (const std::string sqlstate : {"23502", "23505", "P0002", "P0004", "P0000", "42883", "22023", "", "P00011"})
            EXPECT_EQ(details(sqlstate, detail), error_only) << sqlstate << detail.value_or("");
}

// PostgreSQL refuses JSON that is nested too deeply: no such result could be stored.
TEST(ZeroAppError, DetailsOfAnyDepthAndSize) {
    using Parts = std::tuple<std::string, std::string, std::string, std::size_t>;
    for (const auto& [open, inner, close, levels] :
         {Parts("[", "", "]", 1), Parts(R"({"a":)", "0", "}", 1), Parts(R"([{"]\"}":[)", "", "]}]", 3)}) {
        const std::size_t most = 100 / levels;
        const std::string deep = repeated(open, most) + inner + repeated(close, most);
        EXPECT_EQ(details("P0001", deep), ",\"details\":" + deep);
        const std::string deeper = repeated(open, most + 1) + inner + repeated(close, most + 1);
        EXPECT_EQ(details("P0001", deeper), ",\"details\":" + nlohmann::json(deeper).dump());
        EXPECT_EQ(details("23505", deeper), error_only);
    }
    const std::string flat = "[" + repeated("[],{},", 100'000) + "0]";
    EXPECT_EQ(details("P0001", flat), ",\"details\":" + flat);
    EXPECT_EQ(details("P0001", repeated("[", 100'000)), ",\"details\":\"" + repeated("[", 100'000) + "\"");
    EXPECT_EQ(details("23505", repeated("[", 100'000)), error_only);
    const std::string large = R"({"a":")" + repeated("x", 1'000'000) + "\"}";
    EXPECT_EQ(details("P0001", large), ",\"details\":" + large);
}

TEST(ZeroAppError, TextsThatAreNotUtf8) {
    EXPECT_EQ(zero_app_error({"P0001", "a\xff\"", "b\xc3", {}}), "{\"error\":\"app\",\"message\":\"a\ufffd\\\"\",\"details\":\"b\ufffd\"}");
    EXPECT_EQ(details("P0001", "{\"a\":\"\xff\"}"), ",\"details\":\"{\\\"a\\\":\\\"\ufffd\\\"}\"");
    EXPECT_EQ(details("23505", "{\"a\":\"\xff\"}"), error_only);
    EXPECT_EQ(zero_app_error({"P0001", "", {}, {}}), R"({"error":"app","message":""})");
}

}  // namespace replicache::protocol
