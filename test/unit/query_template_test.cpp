#include "protocol/query_template.h"

#include <gtest/gtest.h>

#include "helpers.h"

namespace replicache::protocol {

namespace {

std::string filled(std::string_view ast, std::string_view args, const std::optional<std::string>& user_id = "ann") {
    try {
        return QueryTemplate(ast).fill("q", args, user_id);
    } catch (const UnfitArgs& error) {
        return error.what();
    }
}

std::string template_fault(std::string_view ast) {
    try {
        const QueryTemplate read(ast);
        return "accepted";
    } catch (const MalformedTemplate& error) {
        EXPECT_FALSE(error.hint.empty());
        return error.what();
    }
}

// A template with this at "a".
std::string with(std::string_view value) { return R"({"table":"t","a":)" + std::string(value) + "}"; }

TEST(QueryTemplate, KeepsWhatIsNoPlaceholder) {
    const std::string ast = R"({"table" : "t", "where":{"a":"{\"$arg\":1}","n":1.50E+400,"é":[{}, []]}})";
    EXPECT_EQ(filled(" \n" + ast + " ", "{}"), ast);
}

TEST(QueryTemplate, TakesSlicesOfTheArgs) {
    EXPECT_EQ(filled(with(R"([{"$arg":"x"},{"$arg":"x"},{"$user":true}])"), R"({"y":0,"x":-1.50E+400})"),
              with(R"([-1.50E+400,-1.50E+400,"ann"])"));
    EXPECT_EQ(filled(with(R"({"$arg":"x"})"), R"({"x": [ 1 , "a" ]})"), with(R"([ 1 , "a" ])"));
    EXPECT_EQ(filled(with(R"({"\u0024arg":"\u0078"})"), R"({"\u0078":"\ud800\u0000"})"), with(R"("\ud800\u0000")"));
    EXPECT_EQ(filled(with(R"({"$arg":null})"), "7"), with("7"));
}

TEST(QueryTemplate, KnowsDefaults) {
    const std::string ast = with(R"({"default":[1],"$arg":"x"})");
    for (const char* const args : {"", "null", "{}", R"({"y":1})"}) EXPECT_EQ(filled(ast, args), with("[1]"));
    EXPECT_EQ(filled(ast, R"({"x":null})"), with("null"));
    EXPECT_EQ(filled(with(R"({"$arg":null,"default":0})"), ""), with("0"));
    EXPECT_EQ(filled(with(R"({"$arg":null,"default":0})"), "null"), with("null"));
}

TEST(QueryTemplate, WritesTheUserAsJson) {
    EXPECT_EQ(filled(with(R"({"$user":true})"), "", "a\"\\\n"), with(R"("a\"\\\n")"));
    EXPECT_EQ(filled(with(R"({"$user":true})"), "", std::nullopt), with("null"));
}

// A client cannot bring a condition, or another placeholder.
TEST(QueryTemplate, RefusesArgsThatAreNoOperands) {
    const std::string ast = with(R"({"$arg":"x"})");
    for (const char* const value : {"{}", R"({"$user":true})", "[[]]", "[{}]", "[null]", "[1,null]"})
        EXPECT_EQ(filled(ast, R"({"x":)" + std::string(value) + "}"),
                  R"(args of query "q": "x" must be a string, a number, a boolean, null, or an array of strings, numbers and booleans)");
    EXPECT_EQ(filled(ast, "{}"), R"(args of query "q" lack "x")");
    EXPECT_EQ(filled(ast, "[]"), R"(args of query "q" must be an object)");
    EXPECT_EQ(filled(with(R"({"$arg":null})"), ""), R"(args of query "q" are missing)");
    EXPECT_EQ(filled(with(R"({"$arg":null})"), "{}").substr(0, 25), R"(args of query "q": they m)");
}

TEST(QueryTemplate, NamesThePlaceOfAFault) {
    EXPECT_EQ(template_fault(with(R"([0,{"b":{"$arg":1}}])")), R"(ast.a[1].b: "$arg" must be a string or null)");
    EXPECT_EQ(template_fault(with(R"({"$user":1})")), R"(ast.a: "$user" must be true)");
    EXPECT_EQ(template_fault(with(R"({"$users":true})")), R"(ast.a: unknown placeholder "$users")");
    EXPECT_EQ(template_fault(with(R"({"$user":true,"b":1})")), "ast.a: a placeholder has other members");
    EXPECT_EQ(template_fault(R"({"table":{"$arg":"t"}})"), "ast.table: clients may not choose the table");
    EXPECT_EQ(template_fault(R"({"\u0074able":{"$arg":"t"}})"), "ast.table: clients may not choose the table");
    EXPECT_EQ(template_fault(R"({"table":"t","r":[{"subquery":{"table":{"$user":true}}}]})"),
              "ast.r[0].subquery.table: clients may not choose the table");
    EXPECT_EQ(template_fault(R"({"table":"t","start":{"row":{"table":{"$arg":"t"}}}})"), "accepted");
    EXPECT_EQ(template_fault(with(R"({"$arg":"x","default":{}})")).substr(0, 24), R"(ast.a: "default" must be)");
    EXPECT_EQ(template_fault("[]"), "ast must be an object");
    EXPECT_EQ(template_fault("{}"), R"(ast lacks "table")");
    EXPECT_EQ(template_fault(R"({"table":1})"), "ast.table must be a string");
}

TEST(QueryTemplate, ReadsDeepTemplatesOnce) {
    constexpr std::size_t depth = 200'000;
    const std::string deep = repeated(R"({"a":)", depth), end = repeated("}", depth);
    EXPECT_EQ(filled(with(deep + R"({"$user":true})" + end), ""), with(deep + R"("ann")" + end));
}

}  // namespace

}  // namespace replicache::protocol
