#include "protocol/zero_queries.h"

#include <gtest/gtest.h>

#include "helpers.h"

namespace replicache::protocol {

namespace {

std::string queries_fault(std::string_view text) {
    return fault_of([&] { parse_zero_queries(text); });
}
std::string query_fault(std::string_view query) { return queries_fault(R"(["transform",[)" + std::string(query) + "]]"); }

TEST(ZeroQueries, ReadsARequest) {
    const std::string text =
        R"( ["\u0074ransform", [{"id":"h\u0031","name":"todo|all","args":[]},{"args":[ {"a":1.50} ,2],"name":"é","id":"2"}]] )";
    const auto queries = parse_zero_queries(text);
    ASSERT_EQ(queries.size(), 2U);
    EXPECT_EQ(queries[0].id, R"("h\u0031")");
    EXPECT_EQ(queries[0].name, "todo|all");
    EXPECT_EQ(queries[0].args, "");
    EXPECT_EQ(queries[1].quoted_name, R"("é")");
    EXPECT_EQ(queries[1].args, R"({"a":1.50})");
    EXPECT_TRUE(parse_zero_queries(R"(["transform",[]])").empty());
}

// As handleQueryRequest of @rocicorp/zero 1.9.0 says it.
TEST(ZeroQueries, RefusesInTheWordsOfZero) {
    EXPECT_EQ(queries_fault("null"), "Expected array. Got null");
    EXPECT_EQ(queries_fault("{}"), "Expected array. Got object");
    EXPECT_EQ(queries_fault("[]"), "Expected array with length 2. Got array with length 0");
    EXPECT_EQ(queries_fault("[1,2,3]"), "Expected array with length 2. Got array with length 3");
    EXPECT_EQ(queries_fault(R"(["x",1])"), R"(Expected literal value "transform" at 0 Got "x")");
    EXPECT_EQ(queries_fault(R"(["transform",{}])"), "Expected array at 1. Got object");
    EXPECT_EQ(query_fault("1"), "Expected object at 1.0. Got 1");
    EXPECT_EQ(query_fault("{}"), "Missing property id at 1.0");
    EXPECT_EQ(query_fault(R"({"id":"a","name":"b"})"), "Missing property args at 1.0");
    EXPECT_EQ(query_fault(R"({"args":{},"id":1})"), "Expected array at 1.0.args. Got object");
    EXPECT_EQ(query_fault(R"({"id":1,"name":2,"id":3})"), "Expected string at 1.0.id. Got 3");
    EXPECT_EQ(query_fault(R"({"id":"a","name":"b","args":[]},{"id":"a","name":null,"args":[]})"), "Expected string at 1.1.name. Got null");
    EXPECT_EQ(query_fault(R"({"z":1,"id":"a","name":"b","args":[]})"), "Unexpected property z at 1.0");
    EXPECT_EQ(query_fault(R"({"z":1,"id":"a","y":2,"name":"b","args":[],"x":3,"y":4})"), "Unexpected properties z, y and x at 1.0");
    EXPECT_EQ(query_fault(R"({"id":1,"name":"b","args":[],"id":"a"})"), "accepted");
}

TEST(ZeroQueries, RefusesNamesThatNoQueryHas) {
    EXPECT_EQ(query_fault(R"({"id":"a","name":"\u0000","args":[]})"), R"(1.0.name: expected a string without \u0000, got "\u0000")");
    EXPECT_EQ(query_fault(R"({"id":"\ud800","name":"\ud800","args":[]})"), R"(1.0.name: expected a string of valid Unicode, got "\ud800")");
    EXPECT_EQ(query_fault(R"({"id":"\ud800\u0000","name":"","args":[]})"), "accepted");
}

TEST(ZeroQueries, AnswersInOrder) {
    const std::string text =
        R"(["transform",[{"id":"\ud800","name":"a","args":[]},{"id":"2","name":"b","args":[]},{"id":"2","name":"b","args":[]}]])";
    const auto queries = parse_zero_queries(text);
    const std::vector<QueryResult> results = {{.ast = R"({"table":"t"})"},
                                              {.failure = Failure{"P0001", "no \"b\"", "why", {}}},
                                              {.failure = Failure{"23502", "null", "Failing row", {}}}};
    EXPECT_EQ(zero_queries_answer(queries, results, "ann"),
              R"({"kind":"QueryResponse","queries":[{"id":"\ud800","name":"a","ast":{"table":"t"}},)"
              R"({"error":"app","id":"2","name":"b","message":"no \"b\"","details":"why"},)"
              R"({"error":"app","id":"2","name":"b","message":"null","details":{"name":"error"}}],"userID":"ann"})");
    EXPECT_EQ(zero_queries_answer({}, {}, std::nullopt), R"({"kind":"QueryResponse","queries":[],"userID":null})");
}

TEST(ZeroQueries, AnswersWhatIsMalformed) {
    EXPECT_EQ(
        zero_queries_malformed(MalformedRequest("Expected array. Got null")),
        R"({"kind":"TransformFailed","origin":"server","reason":"parse","message":"Failed to parse query request: Expected array. Got null",)"
        R"("queryIDs":[],"details":{"name":"TypeError"}})");
}

}  // namespace

}  // namespace replicache::protocol
