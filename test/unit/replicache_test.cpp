#include "protocol/replicache.h"

#include <gtest/gtest.h>

#include "helpers.h"

namespace replicache::protocol {

namespace {

// As captured from the client, with a second mutation.
const std::string push_v1 = R"({"profileID":"p1","clientGroupID":"g1","mutations":[)"
                            R"({"id":1,"name":"set","args":{"k":0.10},"timestamp":118.537055,"clientID":"c1"},)"
                            R"({"id":7,"name":"del","args":[1],"timestamp":1e3,"clientID":"c2"}],"pushVersion":1,"schemaVersion":"s"})";
const std::string push_v0 = R"({"pushVersion":0,"schemaVersion":"s","profileID":"p","clientID":"c1",)"
                            R"("mutations":[{"id":1,"name":"set","args":{"k":1},"timestamp":0.5},{"id":2,"name":"del","clientID":"c9"}]})";
const std::string pull_v1 = R"({"profileID":"p1","clientGroupID":"g1","cookie":42,"pullVersion":1,"schemaVersion":"s"})";
const std::string pull_v0 = R"({"pullVersion":0,"schemaVersion":"s","profileID":"p","cookie":42,"clientID":"c1","lastMutationID":5})";

std::string push_type(std::string_view text) { return std::get<VersionNotSupported>(parse_push(text)).version_type; }

std::string pull_type(std::string_view text) { return std::get<VersionNotSupported>(parse_pull(text)).version_type; }

// The request with the member's value replaced.
std::string push_with(std::string_view member, std::string_view value) { return replaced(push_v1, member, value); }

const std::string not_that_long = ": expected a string of 1 to 1000 bytes, got ";
const std::string too_large = ": expected an unsigned integer up to 9007199254740991, got 9007199254740992";
const std::vector<std::string> not_strings = {"null", "true", "1", "[]", "{}"};

}  // namespace

TEST(ParsePush, V1) {
    const Push push = accepted_push(push_v1);
    EXPECT_EQ(push.version, 1);
    EXPECT_EQ(push.batch.client_group_id, "g1");
    EXPECT_EQ(push.batch.schema_version, "s");
    ASSERT_EQ(push.batch.mutations.size(), 2U);
    EXPECT_EQ(push.batch.mutations[0].client_id, "c1");
    EXPECT_EQ(push.batch.mutations[0].id, 1);
    EXPECT_EQ(push.batch.mutations[0].name, "set");
    EXPECT_EQ(push.batch.mutations[0].args, R"({"k":0.10})");
    EXPECT_EQ(push.batch.mutations[1].client_id, "c2");
    EXPECT_EQ(push.batch.mutations[1].id, 7);
    EXPECT_EQ(push.batch.mutations[1].name, "del");
    EXPECT_EQ(push.batch.mutations[1].args, "[1]");
}

TEST(ParsePush, V0) {
    const Push push = accepted_push(push_v0);
    EXPECT_EQ(push.version, 0);
    EXPECT_EQ(push.batch.client_group_id, "c1");
    ASSERT_EQ(push.batch.mutations.size(), 2U);
    EXPECT_EQ(push.batch.client_of(push.batch.mutations[0]), "c1");
    EXPECT_EQ(push.batch.mutations[0].args, R"({"k":1})");
    EXPECT_EQ(push.batch.client_of(push.batch.mutations[1]), "c1");
    EXPECT_EQ(push.batch.mutations[1].args, "");
}

TEST(ParsePush, TheLeastThatIsAccepted) {
    const Push v1 = accepted_push(R"({"pushVersion":1,"clientGroupID":"g","mutations":[]})");
    EXPECT_EQ(v1.batch.schema_version, "");
    EXPECT_TRUE(v1.batch.mutations.empty());
    const Push v0 = accepted_push(R"({"pushVersion":0,"clientID":"c","mutations":[{"id":0,"name":""}]})");
    ASSERT_EQ(v0.batch.mutations.size(), 1U);
    EXPECT_EQ(v0.batch.mutations[0].id, 0);
    EXPECT_EQ(v0.batch.mutations[0].name, "");
}

TEST(ParsePush, ArgsAreTheSliceThatTheClientWrote) {
    const std::string deep = repeated("[", 100'000) + repeated("]", 100'000);
    for (const std::string& args :
         {std::string("null"), std::string("0"), std::string("-1.50"), std::string("1e999"), std::string("123456789012345678901234567890"),
          std::string(R"("")"), std::string(R"("\\\"")"), std::string(R"("\u0000\ud800")"), std::string(R"(["]","}",{"a":"\"]"}])"),
          std::string(R"({"id":9,"name":"x"})"), std::string("{ \"a\" : [ 1 , 2 ] }"), std::string("false"), deep}) {
        const std::string text = replaced(push_v1, R"({"k":0.10})", " \t" + args + "\r\n");
        const Push push = accepted_push(text);
        const auto& mutation = push.batch.mutations.at(0);
        EXPECT_EQ(mutation.args, args);
        EXPECT_EQ(mutation.args.data(), text.data() + text.find("\"args\":") + 9);
        EXPECT_EQ(mutation.id, 1);
        EXPECT_EQ(mutation.client_id, "c1");
    }
}

TEST(ParsePush, WhitespaceAndEscapesAreAllowedEverywhere) {
    const Push push = accepted_push(
        "\n { \"push\\u0056ersion\" :\t1 , \"client\\u0047roupID\" : \"\\u0067\\n\" , \"schemaVersion\":\"\\\"\" ,\r\n"
        "\"\\u006dutations\" : [ { \"\\u0069d\" : 3 , \"n\\u0061me\" : \"\\u0073et\" , \"\\u0061rgs\" : 1 ,"
        " \"clientI\\u0044\" : \"\\ud83d\\ude00\" } ] } \n");
    EXPECT_EQ(push.batch.client_group_id, "g\n");
    EXPECT_EQ(push.batch.schema_version, "\"");
    ASSERT_EQ(push.batch.mutations.size(), 1U);
    EXPECT_EQ(push.batch.mutations[0].id, 3);
    EXPECT_EQ(push.batch.mutations[0].name, "set");
    EXPECT_EQ(push.batch.mutations[0].args, "1");
    EXPECT_EQ(push.batch.mutations[0].client_id, "😀");
}

TEST(ParsePush, LastOfEqualMembersWins) {
    const Push push =
        accepted_push(R"({"pushVersion":7,"clientGroupID":1,"mutations":3,"mutations":[{"id":"x","id":2,"name":null,"name":"n",)"
                      R"("args":1,"args":2,"clientID":"","clientID":"c"}],"clientGroupID":"g","pushVersion":1})");
    EXPECT_EQ(push.batch.client_group_id, "g");
    ASSERT_EQ(push.batch.mutations.size(), 1U);
    EXPECT_EQ(push.batch.mutations[0].id, 2);
    EXPECT_EQ(push.batch.mutations[0].args, "2");
    EXPECT_EQ(push_fault(R"({"pushVersion":1,"clientGroupID":"g","mutations":[],"mutations":null})"),
              "push.mutations: expected an array, got null");
}

TEST(ParsePush, IgnoredMembersMayBeAnything) {
    for (const std::string value : {"null", "1e999", R"("\u0000\ud800")", "[[[]]]", "-1", "{\"pushVersion\":9}"}) {
        EXPECT_EQ(push_fault(push_with(R"("p1")", value)), "accepted");
        EXPECT_EQ(push_fault(push_with("118.537055", value)), "accepted");
        EXPECT_EQ(push_fault(push_with(R"("pushVersion")", R"("other":)" + value + R"(,"pushVersion")")), "accepted");
        EXPECT_EQ(push_fault(push_with(R"("pushVersion")", R"("\ud800":)" + value + R"(,"pushVersion")")), "accepted");
    }
}

TEST(ParsePush, Limits) {
    const std::string id(1000, 'x');
    EXPECT_EQ(accepted_push(push_with("g1", id)).batch.client_group_id, id);
    EXPECT_EQ(accepted_push(push_with("c1", id)).batch.mutations[0].client_id, id);
    const std::string largest = push_with(R"("id":1)", R"("id":9007199254740991)");
    EXPECT_EQ(accepted_push(largest).batch.mutations[0].id, 9007199254740991);
    const std::string long_text(100'000, 'x');
    EXPECT_EQ(accepted_push(push_with(R"("set")", "\"" + long_text + "\"")).batch.mutations[0].name, long_text);
    EXPECT_EQ(accepted_push(push_with(R"("s"})", "\"" + long_text + "\"}")).batch.schema_version, long_text);

    const std::string shortened = "\"" + std::string(39, 'x') + "…";
    for (const auto& [wrong, got] : {std::pair(std::string(), std::string(R"("")")), std::pair(id + "x", shortened)}) {
        EXPECT_EQ(push_fault(push_with("g1", wrong)), "push.clientGroupID" + not_that_long + got);
        EXPECT_EQ(push_fault(push_with("c1", wrong)), "push.mutations[0].clientID" + not_that_long + got);
        EXPECT_EQ(push_fault(push_with("c2", wrong)), "push.mutations[1].clientID" + not_that_long + got);
        EXPECT_EQ(push_fault(replaced(push_v0, "c1", wrong)), "push.clientID" + not_that_long + got);
    }
    EXPECT_EQ(push_fault(push_with(R"("id":7)", R"("id":9007199254740992)")), "push.mutations[1].id" + too_large);
}

TEST(ParsePush, MissingMembers) {
    EXPECT_EQ(push_fault("{}"), "push.pushVersion: missing");
    EXPECT_EQ(push_fault(push_with(R"("pushVersion":1)", R"("PushVersion":1)")), "push.pushVersion: missing");
    EXPECT_EQ(push_fault(push_with("clientGroupID", "x")), "push.clientGroupID: missing");
    EXPECT_EQ(push_fault(push_with("mutations", "x")), "push.mutations: missing");
    EXPECT_EQ(push_fault(push_with(R"("id":1)", R"("x":1)")), "push.mutations[0].id: missing");
    EXPECT_EQ(push_fault(push_with(R"("id":7)", R"("x":7)")), "push.mutations[1].id: missing");
    EXPECT_EQ(push_fault(push_with(R"("name")", R"("x")")), "push.mutations[0].name: missing");
    EXPECT_EQ(push_fault(push_with(R"("clientID":"c2")", R"("x":"c2")")), "push.mutations[1].clientID: missing");
    EXPECT_EQ(push_fault(replaced(push_v0, "clientID", "clientGroupID")), "push.clientID: missing");
    EXPECT_EQ(push_fault(replaced(push_v0, "mutations", "x")), "push.mutations: missing");
    EXPECT_EQ(push_fault(replaced(push_v0, R"("id":2)", R"("x":2)")), "push.mutations[1].id: missing");
    EXPECT_EQ(push_fault(push_with(R"({"id":1)", R"({},{"id":1)")), "push.mutations[0].clientID: missing");
    EXPECT_EQ(accepted_push(push_with("schemaVersion", "x")).batch.schema_version, "");
    EXPECT_EQ(accepted_push(push_with("args", "x")).batch.mutations[0].args, "");
}

TEST(ParsePush, WrongTypes) {
    for (const auto& value : not_strings) {
        const std::string got = ": expected a string, got " + value;
        EXPECT_EQ(push_fault(push_with(R"("g1")", value)), "push.clientGroupID" + got);
        EXPECT_EQ(push_fault(push_with(R"("s"})", value + "}")), "push.schemaVersion" + got);
        EXPECT_EQ(push_fault(push_with(R"("set")", value)), "push.mutations[0].name" + got);
        EXPECT_EQ(push_fault(push_with(R"("c2")", value)), "push.mutations[1].clientID" + got);
        EXPECT_EQ(push_fault(replaced(push_v0, R"("c1")", value)), "push.clientID" + got);
    }
    for (const std::string value : {"null", "true", R"("x")", R"("1")", "-1", "1.5", "1.0", "1e1", "[]", "{}"}) {
        const std::string got = ": expected an unsigned integer, got " + value;
        EXPECT_EQ(push_fault(push_with(R"("id":7)", R"("id":)" + value)), "push.mutations[1].id" + got);
        EXPECT_EQ(push_fault(push_with(R"("pushVersion":1)", R"("pushVersion":)" + value)), "push.pushVersion" + got);
    }
    const std::string head = R"({"pushVersion":1,"clientGroupID":"g","mutations":)";
    for (const std::string value : {"null", "true", R"("x")", "1", "{}"})
        EXPECT_EQ(push_fault(head + value + "}"), "push.mutations: expected an array, got " + value);
    for (const std::string value : {"null", "true", R"("x")", "1", "[]"})
        EXPECT_EQ(push_fault(head + "[" + value + "]}"), "push.mutations[0]: expected an object, got " + value);
}

TEST(ParsePush, TextThatCannotBeStored) {
    const std::string nul = R"(: expected a string without \u0000, got "a\u0000")";
    const std::string lone = R"(: expected a string of valid Unicode, got "\ud800")";
    for (const auto& [value, got] : {std::pair(R"("a\u0000")", nul), std::pair(R"("\ud800")", lone)}) {
        EXPECT_EQ(push_fault(push_with(R"("g1")", value)), "push.clientGroupID" + got);
        EXPECT_EQ(push_fault(push_with(R"("s"})", value + std::string("}"))), "push.schemaVersion" + got);
        EXPECT_EQ(push_fault(push_with(R"("set")", value)), "push.mutations[0].name" + got);
        EXPECT_EQ(push_fault(push_with(R"("c1")", value)), "push.mutations[0].clientID" + got);
        EXPECT_EQ(push_fault(replaced(push_v0, R"("c1")", value)), "push.clientID" + got);
    }
}

TEST(ParsePush, NoObject) {
    for (const std::string value : {"null", "1", "[]", R"("x")", "foo"})
        EXPECT_EQ(push_fault(value), "push: expected an object, got " + value);
    EXPECT_EQ(push_fault(""), "push: expected an object, got nothing");
    EXPECT_EQ(push_fault(push_v1 + "x"), "push: not valid JSON: expected the end, got x");
    EXPECT_EQ(push_fault(push_with(R"("p1")", "p1")).substr(0, 43), "push: not valid JSON: expected a value, got");
    EXPECT_EQ(push_fault(push_with(R"({"id":1,)", R"({"id":1 )")), R"(push.mutations: not valid JSON: expected "," or "}", )"
                                                                   R"(got "name":"set","args":{"k":0.10},"timestam…)");
}

TEST(ParsePush, OtherVersionsAreRefusedWhateverElseTheySay) {
    for (const std::string version : {"2", "3", "10", "9007199254740992", "123456789012345678901234567890"}) {
        EXPECT_EQ(push_type(R"({"pushVersion":)" + version + "}"), "push");
        EXPECT_EQ(pull_type(R"({"pullVersion":)" + version + R"(,"cookie":-1})"), "pull");
    }
    EXPECT_EQ(push_type(push_with(R"("pushVersion":1)", R"("pushVersion":2)")), "push");
}

TEST(ParsePull, V1) {
    const Pull pull = accepted_pull(pull_v1);
    EXPECT_EQ(pull.version, 1);
    EXPECT_EQ(pull.client_group_id, "g1");
    EXPECT_EQ(pull.client_id, "");
    EXPECT_EQ(pull.schema_version, "s");
    EXPECT_EQ(pull.cookie, (Cookie{.order = {.number = 42}, .source = "42"}));
    EXPECT_EQ(pull.last_mutation_id, 0);
}

TEST(ParsePull, V0) {
    const Pull pull = accepted_pull(pull_v0);
    EXPECT_EQ(pull.version, 0);
    EXPECT_EQ(pull.client_group_id, "c1");
    EXPECT_EQ(pull.client_id, "c1");
    EXPECT_EQ(pull.schema_version, "s");
    EXPECT_EQ(pull.cookie, (Cookie{.order = {.number = 42}, .source = "42"}));
    EXPECT_EQ(pull.last_mutation_id, 5);
}

TEST(ParsePull, TheLeastThatIsAccepted) {
    const Pull v1 = accepted_pull(R"({"pullVersion":1,"clientGroupID":"g"})");
    EXPECT_EQ(v1.cookie, std::nullopt);
    EXPECT_EQ(v1.schema_version, "");
    EXPECT_EQ(accepted_pull(R"({"pullVersion":0,"clientID":"c"})").last_mutation_id, 0);
    const std::string members_of_v0 = R"("lastMutationID":"x","clientID":7,"cookie")";
    EXPECT_EQ(pull_fault(replaced(pull_v1, R"("cookie")", members_of_v0)), "accepted");
}

TEST(ParsePull, NoCookie) {
    EXPECT_EQ(accepted_pull(replaced(pull_v1, "42", "null")).cookie, std::nullopt);
    EXPECT_EQ(accepted_pull(replaced(pull_v1, "42", " null ")).cookie, std::nullopt);
}

TEST(ParsePull, MissingMembersAndWrongTypes) {
    EXPECT_EQ(pull_fault("{}"), "pull.pullVersion: missing");
    EXPECT_EQ(pull_fault(R"({"pullVersion":"1"})"), R"(pull.pullVersion: expected an unsigned integer, got "1")");
    EXPECT_EQ(pull_fault(R"({"pullVersion":-1})"), "pull.pullVersion: expected an unsigned integer, got -1");
    EXPECT_EQ(pull_fault(R"({"pullVersion":null})"), "pull.pullVersion: expected an unsigned integer, got null");
    EXPECT_EQ(pull_fault(R"({"pullVersion":1,"clientID":"c"})"), "pull.clientGroupID: missing");
    EXPECT_EQ(pull_fault(R"({"pullVersion":0,"clientGroupID":"g"})"), "pull.clientID: missing");
    for (const auto& value : not_strings) {
        const std::string got = ": expected a string, got " + value;
        EXPECT_EQ(pull_fault(replaced(pull_v1, R"("g1")", value)), "pull.clientGroupID" + got);
        EXPECT_EQ(pull_fault(replaced(pull_v1, R"("s"})", value + "}")), "pull.schemaVersion" + got);
        EXPECT_EQ(pull_fault(replaced(pull_v0, R"("c1")", value)), "pull.clientID" + got);
    }
    EXPECT_EQ(pull_fault(replaced(pull_v1, "g1", "")), "pull.clientGroupID" + not_that_long + R"("")");
    EXPECT_EQ(pull_fault(replaced(pull_v0, "c1", "")), "pull.clientID" + not_that_long + R"("")");
    EXPECT_EQ(pull_fault(replaced(pull_v0, "c1", R"(\u0000)")), R"(pull.clientID: expected a string without \u0000, got "\u0000")");
    for (const std::string value : {"-5", "null", R"("5")", "5.5"}) {
        EXPECT_EQ(pull_fault(replaced(pull_v0, ":5}", ":" + value + "}")),
                  "pull.lastMutationID: expected an unsigned integer, got " + value);
    }
    for (const std::string value : {"null", "1", "[]", R"("x")"}) EXPECT_EQ(pull_fault(value), "pull: expected an object, got " + value);
    EXPECT_EQ(pull_fault(pull_v1 + "}"), "pull: not valid JSON: expected the end, got }");
}

}  // namespace replicache::protocol
