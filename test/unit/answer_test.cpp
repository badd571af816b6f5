// What goes back to clients, byte for byte.
#include <gtest/gtest.h>

#include <stdexcept>

#include "protocol/replicache.h"
#include "protocol/writer.h"

namespace replicache::protocol {

namespace {

const Batch batch{
    .client_group_id = "g1",
    .schema_version = "",
    .mutations = {{.client_id = "c1", .id = 7, .name = "createMessage", .args = "1"},
                  {.client_id = "c\"2", .id = 9007199254740991, .name = "é\n", .args = ""}},
};

Outcome counts(std::int64_t version, std::int64_t applied, std::int64_t skipped) {
    Outcome outcome;
    outcome.version = version;
    outcome.applied = applied;
    outcome.skipped = skipped;
    return outcome;
}

}  // namespace

TEST(PushAnswer, NothingRejected) {
    EXPECT_EQ(push_answer(batch, {}), R"({"version":0,"applied":0,"skipped":0,"rejected":[],"halted":null})");
    EXPECT_EQ(push_answer({}, counts(9223372036854775807, 2, 1)),
              R"({"version":9223372036854775807,"applied":2,"skipped":1,"rejected":[],"halted":null})");
}

TEST(PushAnswer, Rejected) {
    Outcome outcome = counts(43, 2, 1);
    outcome.rejected.push_back({0, {"23505", "duplicate key", "Key (id)=(1) already exists.", "Use another."}});
    EXPECT_EQ(push_answer(batch, outcome),
              R"({"version":43,"applied":2,"skipped":1,"rejected":[{"clientID":"c1","id":7,"name":"createMessage",)"
              R"("code":"23505","message":"duplicate key","detail":"Key (id)=(1) already exists.",)"
              R"("hint":"Use another."}],"halted":null})");
}

TEST(PushAnswer, AbsentDetailAndHintAreNullAndEmptyOnesAreNot) {
    Outcome outcome;
    outcome.rejected.push_back({1, {"P0001", "no", std::nullopt, std::nullopt}});
    outcome.rejected.push_back({0, {"P0001", "", "", std::nullopt}});
    EXPECT_EQ(push_answer(batch, outcome),
              R"({"version":0,"applied":0,"skipped":0,"rejected":[)"
              R"({"clientID":"c\"2","id":9007199254740991,"name":"é\n","code":"P0001","message":"no",)"
              R"("detail":null,"hint":null},)"
              R"({"clientID":"c1","id":7,"name":"createMessage","code":"P0001","message":"","detail":"","hint":null}],)"
              R"("halted":null})");
}

TEST(PushAnswer, Halted) {
    Outcome outcome = counts(3, 1, 0);
    outcome.halted = Halt{Halt::Reason::out_of_order, 1, 7, {}};
    EXPECT_EQ(push_answer(batch, outcome), R"({"version":3,"applied":1,"skipped":0,"rejected":[],)"
                                           R"("halted":{"clientID":"c\"2","id":9007199254740991,"reason":"outOfOrder","expected":7}})");
    outcome.halted = Halt{Halt::Reason::temporary, 0, 0, {"53200", "out of memory", "so much", std::nullopt}};
    EXPECT_EQ(push_answer(batch, outcome),
              R"({"version":3,"applied":1,"skipped":0,"rejected":[],)"
              R"("halted":{"clientID":"c1","id":7,"reason":"temporary","name":"createMessage","code":"53200","message":"out of memory",)"
              R"("detail":"so much","hint":null,"defect":false}})");
    outcome.halted =
        Halt{Halt::Reason::temporary,
             0,
             0,
             {.sqlstate = "42703", .message = "no column", .detail = {}, .hint = "Add it.", .defect = true, .context = "not shown"}};
    EXPECT_EQ(push_answer(batch, outcome),
              R"({"version":3,"applied":1,"skipped":0,"rejected":[],)"
              R"("halted":{"clientID":"c1","id":7,"reason":"temporary","name":"createMessage","code":"42703","message":"no column",)"
              R"("detail":null,"hint":"Add it.","defect":true}})");
}

TEST(PushAnswer, RejectedAndHaltedTogether) {
    Outcome outcome = counts(3, 0, 0);
    outcome.rejected.push_back({0, {"P0001", "no", std::nullopt, std::nullopt}});
    outcome.halted = Halt{Halt::Reason::out_of_order, 1, 1, {}};
    EXPECT_EQ(push_answer(batch, outcome),
              R"({"version":3,"applied":0,"skipped":0,"rejected":[{"clientID":"c1","id":7,"name":"createMessage",)"
              R"("code":"P0001","message":"no","detail":null,"hint":null}],)"
              R"("halted":{"clientID":"c\"2","id":9007199254740991,"reason":"outOfOrder","expected":1}})");
}

TEST(PushAnswer, InvalidUtf8IsReplaced) {
    Outcome outcome;
    outcome.rejected.push_back({0, {"22021", "bad \xff byte", "\xc3", "\xe2\x82"}});
    EXPECT_EQ(push_answer(batch, outcome),
              R"({"version":0,"applied":0,"skipped":0,"rejected":[{"clientID":"c1","id":7,"name":"createMessage",)"
              "\"code\":\"22021\",\"message\":\"bad \uFFFD byte\",\"detail\":\"\uFFFD\","
              "\"hint\":\"\uFFFD\"}],\"halted\":null}");
    outcome = {};
    outcome.halted = Halt{Halt::Reason::temporary, 0, 0, {"53200", "\x80", {}, {}}};
    EXPECT_NE(push_answer(batch, outcome).find("\"message\":\"\uFFFD\""), std::string::npos);
}

TEST(PushAnswer, ControlCharactersAreEscaped) {
    Outcome outcome;
    outcome.rejected.push_back({0, {"P0001", std::string("a\0\x01\n\"\\", 6), std::nullopt, std::nullopt}});
    EXPECT_NE(push_answer(batch, outcome).find(R"("message":"a\u0000\u0001\n\"\\")"), std::string::npos);
}

TEST(PushAnswer, ClientStateNotFoundIsAllThereIs) {
    Outcome outcome = counts(3, 1, 0);
    outcome.rejected.push_back({0, {"P0001", "no", std::nullopt, std::nullopt}});
    outcome.client_state_not_found = true;
    EXPECT_EQ(push_answer(batch, outcome), R"({"error":"ClientStateNotFound"})");
}

TEST(PushAnswer, AMutationThatIsNotInTheBatchIsABug) {
    Outcome outcome;
    outcome.rejected.push_back({2, {"P0001", "no", std::nullopt, std::nullopt}});
    EXPECT_THROW(push_answer(batch, outcome), std::out_of_range);
    outcome = {};
    outcome.halted = Halt{Halt::Reason::out_of_order, 2, 1, {}};
    EXPECT_THROW(push_answer(batch, outcome), std::out_of_range);
}

TEST(ErrorAnswer, IsWhatTheClientKnows) {
    EXPECT_EQ(client_state_not_found(), R"({"error":"ClientStateNotFound"})");
    EXPECT_EQ(version_not_supported({"push"}), R"({"error":"VersionNotSupported","versionType":"push"})");
    EXPECT_EQ(version_not_supported({"pull"}), R"({"error":"VersionNotSupported","versionType":"pull"})");
    EXPECT_EQ(version_not_supported({"schema"}), R"({"error":"VersionNotSupported","versionType":"schema"})");
}

TEST(SchemaVersion, AnyWithoutASetting) {
    for (const auto* setting : {"", " ", " \t "}) {
        EXPECT_TRUE(schema_version_allowed(setting, ""));
        EXPECT_TRUE(schema_version_allowed(setting, "1"));
        EXPECT_TRUE(schema_version_allowed(setting, "a,b"));
    }
}

TEST(SchemaVersion, OneOfTheList) {
    for (const auto* setting : {"1", " 1 ", "1,2", "2,1", "2, 1 ,3", "2,3,\t1"}) {
        EXPECT_TRUE(schema_version_allowed(setting, "1")) << setting;
        EXPECT_FALSE(schema_version_allowed(setting, "")) << setting;
        EXPECT_FALSE(schema_version_allowed(setting, "11")) << setting;
        EXPECT_FALSE(schema_version_allowed(setting, " 1")) << setting;
        EXPECT_FALSE(schema_version_allowed(setting, "1,2")) << setting;
        EXPECT_FALSE(schema_version_allowed(setting, ",")) << setting;
    }
    for (const auto* setting : {"11", "2", "2,11", "01", "1 2", "v1", "-1", "1.0"})
        EXPECT_FALSE(schema_version_allowed(setting, "1")) << setting;
    EXPECT_TRUE(schema_version_allowed("beta 2, B", "beta 2"));
    EXPECT_FALSE(schema_version_allowed("beta 2, B", "b"));
}

TEST(SchemaVersion, AnEmptyItemIsTheEmptyVersion) {
    for (const auto* setting : {",", "1,", ",1", "1,,2", "1, ,2"}) {
        EXPECT_TRUE(schema_version_allowed(setting, "")) << setting;
        EXPECT_FALSE(schema_version_allowed(setting, "3")) << setting;
    }
}

// Long strings are looked at eight bytes at a time: each byte at each place, alone, beside itself and beside others.
TEST(Writer, StringsOfAllBytes) {
    const std::string plain = "The quick brown fox ~ jumps over {it}";
    for (int byte = 0; byte < 256; ++byte)
        for (std::size_t length : {1, 7, 8, 9, 37})
            for (std::size_t place = 0; place < length; ++place)
                for (const char* other : {"", "\"", "\\\\"}) {
                    std::string text = plain.substr(0, length);
                    text[place] = static_cast<char>(byte);
                    if (place + 1 < length) text.replace(place + 1, std::string_view(other).size(), other);
                    Writer writer;
                    writer.member("m", std::string_view(text));
                    ASSERT_EQ(writer.take(), "\"m\":" + json_text(text)) << byte << " at " << place;
                }
}

}  // namespace replicache::protocol
