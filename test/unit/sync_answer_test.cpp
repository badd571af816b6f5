// What goes back to clients of the lastMutationAt protocol, byte for byte.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "protocol/last_mutation_at.h"

namespace replicache::protocol {

namespace {

using Type = RowChange::Kind;

const SyncMutation created = {Type::insert, "NOTE", R"("slubp2n5")", R"({"body":"…","n":0.10})", 1769526422109};
const SyncMutation deleted = {Type::remove, "NOTE", R"("ab12cd34")", "{}", 1769986347986};

}  // namespace

TEST(SyncAnswer, Pull) {
    EXPECT_EQ(sync_pull_answer({.head = 1769986347987, .mutations = {created, deleted}, .total = 2}),
              R"({"success":true,"data":{"lastMutationAt":1769986347987,"mutations":[)"
              R"({"resource":"NOTE","resourceId":"slubp2n5","type":"CREATE","data":{"body":"…","n":0.10},"timestamp":1769526422109},)"
              R"({"resource":"NOTE","resourceId":"ab12cd34","type":"DELETE","data":{},"timestamp":1769986347986}],)"
              R"("page":1,"limit":100,"total":2,"hasMore":false}})");
    EXPECT_EQ(sync_pull_answer({.head = 9223372036854775807, .mutations = {}, .page = 3, .limit = 1000, .total = 2001, .has_more = true}),
              R"({"success":true,"data":{"lastMutationAt":9223372036854775807,"mutations":[],)"
              R"("page":3,"limit":1000,"total":2001,"hasMore":true}})");
}

TEST(SyncAnswer, WithoutHistory) {
    EXPECT_EQ(sync_pull_answer({}),
              R"({"success":true,"data":{"lastMutationAt":-1,"mutations":[],"page":1,"limit":100,"total":0,"hasMore":false}})");
    EXPECT_EQ(sync_metadata_answer(-1), R"({"success":true,"data":{"lastMutationAt":-1}})");
}

TEST(SyncAnswer, MetadataOnly) {
    EXPECT_EQ(sync_metadata_answer(1769986347987), R"({"success":true,"data":{"lastMutationAt":1769986347987}})");
}

TEST(SyncAnswer, Push) {
    EXPECT_EQ(sync_push_answer(8, {created, {Type::update, "NOTE", "12", "{}", 7}, {Type::remove, "NOTE", "13", "{}", 8}}),
              R"({"success":true,"data":{"lastMutationAt":8,"mutations":[)"
              R"({"resource":"NOTE","resourceId":"slubp2n5","type":"CREATE","data":{"body":"…","n":0.10},"timestamp":1769526422109},)"
              R"({"resource":"NOTE","resourceId":12,"type":"UPDATE","data":{},"timestamp":7},)"
              R"({"resource":"NOTE","resourceId":13,"type":"DELETE","data":{},"timestamp":8}]}})");
    EXPECT_EQ(sync_push_answer(8, {}), R"({"success":true,"data":{"lastMutationAt":8,"mutations":[]}})");
}

TEST(SyncAnswer, ARowWithACompositeKeyHasNoResourceId) {
    EXPECT_EQ(sync_push_answer(8, {{Type::remove, "READING_SESSION", "", R"({"chapter":1,"verse":2})", 8}}),
              R"({"success":true,"data":{"lastMutationAt":8,"mutations":[)"
              R"({"resource":"READING_SESSION","type":"DELETE","data":{"chapter":1,"verse":2},"timestamp":8}]}})");
}

TEST(SyncAnswer, ResourcesAreEscaped) {
    const auto answer = nlohmann::json::parse(sync_push_answer(8, {{Type::update, "\"é\n\\", "1", "{}", 8}}));
    EXPECT_EQ(answer["data"]["mutations"][0]["resource"], "\"é\n\\");
}

TEST(SyncAnswer, OutOfSync) {
    EXPECT_EQ(out_of_sync_answer(), R"({"success":false,"error":{"code":"OutOfSyncError",)"
                                    R"("message":"Invalid lastMutationAt, please re-sync your data and try again."}})");
    EXPECT_EQ(first_sync_answer(), R"({"success":false,"error":{"code":"OutOfSyncError",)"
                                   R"("message":"First sync detected. Please use lastMutationAt=-1 for initial sync."}})");
}

TEST(SyncAnswer, ValidationErrors) {
    EXPECT_EQ(validation_error_answer({"Invalid mutations"}),
              R"({"success":false,"error":{"code":"ValidationError","message":"Invalid mutations"}})");
    EXPECT_EQ(validation_error_answer({R"(Invalid resource: "x" at mutation[0])"}),
              R"({"success":false,"error":{"code":"ValidationError","message":"Invalid resource: \"x\" at mutation[0]"}})");
    EXPECT_EQ(validation_error_answer({"a\xff\n"}),
              "{\"success\":false,\"error\":{\"code\":\"ValidationError\",\"message\":\"a\uFFFD\\n\"}}");
}

}  // namespace replicache::protocol
