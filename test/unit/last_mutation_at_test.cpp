#include "protocol/last_mutation_at.h"

#include <gtest/gtest.h>

#include "helpers.h"

namespace replicache::protocol {

namespace {

// Two resources: NOTE, and READING_SESSION with a composite key.
const SyncResources resources = {
    .exists = [](std::string_view resource) { return resource == "NOTE" || resource == "READING_SESSION"; },
    .has_composite_key =
        [](std::string_view resource) {
            EXPECT_TRUE(resources.exists(resource)) << resource;  // or the engine would look for what is not there
            return resource == "READING_SESSION";
        },
};

std::string push_of(std::string_view mutations) { return R"({"mutations":[)" + std::string(mutations) + "]}"; }

// The text has to outlive it.
std::vector<RowChange> accepted(const std::string& text) { return std::get<std::vector<RowChange>>(parse_sync_push(text, resources)); }

RowChange accepted_one(const std::string& text) {
    const auto changes = accepted(text);
    EXPECT_EQ(changes.size(), 1U);
    return changes.at(0);
}

// The message of the ValidationError; "accepted" when there is none.
std::string refusal_of(std::string_view text) {
    const auto parsed = parse_sync_push(text, resources);
    const auto* error = std::get_if<ValidationError>(&parsed);
    return error == nullptr ? "accepted" : error->message;
}

// Of a push with this one mutation.
std::string refusal(std::string_view mutation) { return refusal_of(push_of(mutation)); }

std::string sync_fault(std::string_view text) {
    return fault_of([&] { parse_sync_push(text, resources); });
}

std::string list_of(std::string_view element, std::size_t times) {
    std::string list = repeated(std::string(element) + ",", times);
    list.pop_back();
    return list;
}

const std::string create = R"({"type":"CREATE","resource":"NOTE","data":{"body":"b"}})";

}  // namespace

TEST(ParseSyncPush, CreateUpdateDelete) {
    const std::string text = push_of(R"({"type":"CREATE","resource":"NOTE","data":{"n":0.10,"é":"\ud800"}},)"
                                     R"( {"resourceId":"slubp2n5","data":{ },"resource":"NOTE","type":"UPDATE"} ,)"
                                     R"({"type":"DELETE","resource":"NOTE","resourceId":12})");
    const auto changes = accepted(text);
    ASSERT_EQ(changes.size(), 3U);
    EXPECT_EQ(changes[0].kind, RowChange::Kind::insert);
    EXPECT_EQ(changes[0].table, "NOTE");
    EXPECT_EQ(changes[0].id, "");
    EXPECT_EQ(changes[0].data, R"({"n":0.10,"é":"\ud800"})");
    EXPECT_EQ(changes[0].source, R"({"type":"CREATE","resource":"NOTE","data":{"n":0.10,"é":"\ud800"}})");
    EXPECT_EQ(changes[1].kind, RowChange::Kind::update);
    EXPECT_EQ(changes[1].id, R"("slubp2n5")");
    EXPECT_EQ(changes[1].data, "{ }");
    EXPECT_EQ(changes[1].source, R"({"resourceId":"slubp2n5","data":{ },"resource":"NOTE","type":"UPDATE"})");
    EXPECT_EQ(changes[2].kind, RowChange::Kind::remove);
    EXPECT_EQ(changes[2].id, "12");
    EXPECT_EQ(changes[2].data, "");
    for (const auto& change : changes) {
        EXPECT_EQ(change.old, "");
        EXPECT_EQ(change.number, 0);
    }
}

TEST(ParseSyncPush, NoMutationsAndAsManyAsThereMayBe) {
    EXPECT_TRUE(accepted(push_of("")).empty());
    EXPECT_TRUE(accepted(" { \"x\":1, \"mutations\" : [ ] } ").empty());
    const std::string text = push_of(list_of(create, 100));
    EXPECT_EQ(accepted(text).size(), 100U);
}

TEST(ParseSyncPush, ACompositeKeyStandsInData) {
    for (const auto& [type, kind] : {std::pair("CREATE", RowChange::Kind::insert), std::pair("UPDATE", RowChange::Kind::update),
                                     std::pair("DELETE", RowChange::Kind::remove)}) {
        const std::string members = R"({"resource":"READING_SESSION","type":")" + std::string(type) + '"';
        for (const std::string id : {"", R"(,"resourceId":null)", R"(,"resourceId":"x")", R"(,"resourceId":{})"}) {
            const std::string text = push_of(members + id + R"(,"data":{"chapter":1,"verse":2}})");
            const RowChange change = accepted_one(text);
            EXPECT_EQ(change.kind, kind);
            EXPECT_EQ(change.table, "READING_SESSION");
            EXPECT_EQ(change.id, "");
            EXPECT_EQ(change.data, R"({"chapter":1,"verse":2})");
        }
        EXPECT_EQ(refusal(members + "}"), "Missing data at mutation[0]");
    }
}

TEST(ParseSyncPush, TheServerAssignsTheIdOfANewRow) {
    for (const std::string id : {R"("mine")", "7", "null", "{}"}) {
        const std::string text = push_of(replaced(create, "{", R"({"resourceId":)" + id + ","));
        EXPECT_EQ(accepted_one(text).id, "");
    }
}

TEST(ParseSyncPush, WhatADeleteHasBesideIsIgnored) {
    for (const std::string data : {"{}", R"({"a":1})", "null", R"("x")", "[]"}) {
        const std::string text = push_of(R"({"type":"DELETE","resource":"NOTE","resourceId":"a","data":)" + data + "}");
        EXPECT_EQ(accepted_one(text).data, "");
    }
}

TEST(ParseSyncPush, OfANameThatComesTwiceTheLastCounts) {
    const std::string text =
        R"({"mutations":1,"mutations":[{"type":"x","resource":"NOTE","t\u0079pe":"DELETE","resourceId":1,"resourceId":2}]})";
    EXPECT_EQ(accepted_one(text).id, "2");
}

TEST(ParseSyncPush, InvalidMutations) {
    for (const auto* text : {R"({"mutations":{}})", R"({"mutations":null})", R"({"mutations":"[]"})", R"({"mutations":0})", "{}",
                             R"({"Mutations":[]})", "[]", R"([{"mutations":[]}])", "null", "1", R"("mutations")", " true "})
        EXPECT_EQ(refusal_of(text), "Invalid mutations") << text;
}

TEST(ParseSyncPush, TooManyMutations) {
    const std::string message = "Mutations must not exceed 100";
    EXPECT_EQ(refusal_of(push_of(list_of(create, 101))), message);
    EXPECT_EQ(refusal_of(push_of(list_of("null", 101))), message);  // before any is looked at
    EXPECT_EQ(refusal_of(push_of(list_of("[]", 1'000'000))), message);
}

TEST(ParseSyncPush, Resource) {
    const std::string missing = "Missing resource at mutation[0]";
    EXPECT_EQ(refusal(R"({"type":"CREATE","data":{}})"), missing);
    EXPECT_EQ(refusal(R"({"resource":null,"type":"CREATE","data":{}})"), missing);
    for (const auto* nothing : {"null", "1", R"("NOTE")", "[]", "true", "{}"}) EXPECT_EQ(refusal(nothing), missing) << nothing;
    const auto named = [](std::string_view resource) { return refusal(replaced(create, R"("NOTE")", resource)); };
    EXPECT_EQ(named(R"("x")"), R"(Invalid resource: "x" at mutation[0])");
    EXPECT_EQ(named(R"("note")"), R"(Invalid resource: "note" at mutation[0])");
    EXPECT_EQ(named(R"("")"), R"(Invalid resource: "" at mutation[0])");
    EXPECT_EQ(named(R"("a\"\u00e9\n")"), "Invalid resource: \"a\"é\n\" at mutation[0]");
    EXPECT_EQ(named("5"), R"(Invalid resource: "5" at mutation[0])");
    EXPECT_EQ(named(R"(["NOTE"])"), R"(Invalid resource: "["NOTE"]" at mutation[0])");
    EXPECT_EQ(named(R"("N\u004fTE")"), "accepted");
    for (const auto* no_text : {R"("\ud800")", R"("NOTE\u0000")", "\"\xff\""})
        EXPECT_TRUE(named(no_text).starts_with("Invalid resource: ")) << no_text;
}

TEST(ParseSyncPush, AResourceThatIsNoStringIsUnknownWhateverItsText) {
    const SyncResources any = {.exists = [](std::string_view) { return true; },
                               .has_composite_key = [](std::string_view) { return false; }};
    for (const auto* resource : {"5", "true", "{}", R"("\ud800")", R"("\u0000")"}) {
        const std::string text = push_of(replaced(create, R"("NOTE")", resource));
        EXPECT_TRUE(std::holds_alternative<ValidationError>(parse_sync_push(text, any))) << resource;
    }
}

TEST(ParseSyncPush, Type) {
    const auto typed = [](std::string_view type) { return refusal(replaced(create, R"("CREATE")", type)); };
    EXPECT_EQ(refusal(R"({"resource":"NOTE"})"), "Missing mutation type at mutation[0]");
    EXPECT_EQ(typed("null"), "Missing mutation type at mutation[0]");
    EXPECT_EQ(typed(R"("UPSERT")"), R"(Invalid mutation type: "UPSERT" at mutation[0])");
    EXPECT_EQ(typed(R"("create")"), R"(Invalid mutation type: "create" at mutation[0])");
    EXPECT_EQ(typed(R"("")"), R"(Invalid mutation type: "" at mutation[0])");
    EXPECT_EQ(typed("0"), R"(Invalid mutation type: "0" at mutation[0])");
}

TEST(ParseSyncPush, ResourceId) {
    for (const std::string type : {"UPDATE", "DELETE"}) {
        const std::string members = R"({"resource":"NOTE","data":{},"type":")" + type + '"';
        EXPECT_EQ(refusal(members + "}"), "Missing resourceId at mutation[0]");
        EXPECT_EQ(refusal(members + R"(,"resourceId":null})"), "Missing resourceId at mutation[0]");
        for (const std::string id : {"true", "false", "{}", R"(["a"])"})
            EXPECT_EQ(refusal(members + R"(,"resourceId":)" + id + "}"), "Invalid resourceId at mutation[0]") << id;
        for (const std::string id : {R"("")", R"("é\u0000\ud800")", "0", "-1.50", "123456789012345678901234567890"}) {
            const std::string text = push_of(members + R"(,"resourceId":)" + id + "}");
            EXPECT_EQ(accepted_one(text).id, id);
        }
    }
    EXPECT_EQ(invalid_resource_id(7).message, "Invalid resourceId at mutation[7]");
}

TEST(ParseSyncPush, Data) {
    for (const std::string members : {R"("type":"CREATE")", R"("type":"UPDATE","resourceId":"a")"}) {
        const std::string mutation = R"({"resource":"NOTE",)" + members;
        EXPECT_EQ(refusal(mutation + "}"), "Missing data at mutation[0]");
        for (const std::string data : {"null", R"("{}")", "[]", "0", "true"})
            EXPECT_EQ(refusal(mutation + R"(,"data":)" + data + "}"), "Missing data at mutation[0]") << data;
        EXPECT_EQ(refusal(mutation + R"(,"data":{}})"), "accepted");
    }
}

// Each mutation lacks what its message names, and everything that is checked later.
TEST(ParseSyncPush, OrderOfTheChecks) {
    EXPECT_EQ(refusal("{}"), "Missing resource at mutation[0]");
    EXPECT_EQ(refusal(R"({"resource":"x"})"), R"(Invalid resource: "x" at mutation[0])");
    EXPECT_EQ(refusal(R"({"resource":"NOTE"})"), "Missing mutation type at mutation[0]");
    EXPECT_EQ(refusal(R"({"resource":"NOTE","type":"x"})"), R"(Invalid mutation type: "x" at mutation[0])");
    EXPECT_EQ(refusal(R"({"resource":"NOTE","type":"UPDATE"})"), "Missing resourceId at mutation[0]");
    EXPECT_EQ(refusal(R"({"resource":"NOTE","type":"UPDATE","resourceId":"a"})"), "Missing data at mutation[0]");
}

TEST(ParseSyncPush, TheFirstMutationAtFaultCounts) {
    EXPECT_EQ(refusal_of(push_of(create + R"(,{"resource":"NOTE","type":"CREATE"},{})")), "Missing data at mutation[1]");
    EXPECT_EQ(refusal_of(push_of(list_of(create, 99) + R"(,{"resource":"y"})")), R"(Invalid resource: "y" at mutation[99])");
}

TEST(ParseSyncPush, WhatIsEchoedIsNotLongerThanNeedBe) {
    const std::string thousand(1000, 'x');
    const auto named = [](const std::string& name) { return refusal(R"({"resource":")" + name + R"("})"); };
    EXPECT_EQ(named(thousand), "Invalid resource: \"" + thousand + "\" at mutation[0]");
    EXPECT_EQ(named(thousand + "y"), "Invalid resource: \"" + thousand + "…\" at mutation[0]");
    EXPECT_EQ(named(std::string(999, 'x') + "é"), "Invalid resource: \"" + std::string(999, 'x') + "…\" at mutation[0]");
}

TEST(ParseSyncPush, WhatIsNotJsonIsMalformed) {
    for (const auto* text :
         {"", " ", "x", "{", "[1", R"({"mutations":[})", R"({"mutations":[]}x)", "nul", "[] []", R"("a)", R"({"mutations":[1 2]})"})
        EXPECT_TRUE(sync_fault(text).find(": not valid JSON: ") != std::string::npos) << text << ": " << sync_fault(text);
    EXPECT_EQ(sync_fault(push_of(R"({"a" 1})")), R"(push.mutations[0]: not valid JSON: expected ":", got 1})");
}

TEST(ParseSyncPush, DepthAndSize) {
    const std::string deep = repeated("[", 1'000'000) + repeated("]", 1'000'000);
    EXPECT_EQ(refusal_of(deep), "Invalid mutations");
    EXPECT_EQ(refusal(deep), "Missing resource at mutation[0]");
    const std::string text = push_of(replaced(create, R"("b")", deep));
    EXPECT_EQ(accepted_one(text).data.size(), deep.size() + 9);
    EXPECT_EQ(refusal_of(R"({"mutations":)" + deep + "}"), "Missing resource at mutation[0]");
    EXPECT_TRUE(sync_fault(push_of(repeated("[", 1'000'000))).starts_with("push: not valid JSON: "));
}

}  // namespace replicache::protocol
