// Whatever the bytes, a request parses or is malformed: nothing else is thrown, and nothing is read beyond the text.
// The texts are copied into heap blocks of their exact size, so that AddressSanitizer sees a single byte too many.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "helpers.h"
#include "protocol/last_mutation_at.h"
#include "protocol/powersync.h"
#include "protocol/query_template.h"
#include "protocol/zero_queries.h"

namespace replicache::protocol {

namespace {

const std::vector<std::string> requests = {
    R"({"profileID":"p\u0041é","clientGroupID":"g\n1","mutations":[)"
    R"({"id":1,"name":"set","args":{"k":[0.10,"]}\\\""],"é":"\ud83d\ude00"},"timestamp":118.537055,"clientID":"c1"},)"
    R"({"id":12,"name":"del","args":-1.5e+10 , "clientID":"c2"} ],"pushVersion":1,"schemaVersion":"s"})",
    R"({"pushVersion":0,"clientID":"c1","mutations":[{"id":1,"name":"set","args":null},{"name":"x","id":2}]})",
    R"({"profileID":"p","clientGroupID":"g1","cookie":{"order":42,"x":"😀"},"pullVersion":1,"schemaVersion":"s"})",
    R"({"clientGroupID":"g","cookie":{"order":7,"xmax":9,"inProgress":[1,8],"origin":"ab-5-1"},"pullVersion":1})",
    R"({"pullVersion":0,"cookie":9007199254740991,"clientID":"c1","lastMutationID":5})",
    R"({"transactions":[{"transaction_id":7,"crud":[{"id":"1\u0041é","op":"PUT","table":"w","op_data":{"a":[0.10,"]}\\\""]},)"
    R"("previous_values":{ } , "metadata":"\ud83d\ude00"},{"id":-2.5,"op":"DELETE","table":"x","old":null}]},{"crud":[]}]})",
    R"({"batch":[{"op_id":12,"op":"PATCH","type":"t","id":"4","tx_id":7,"data":{"a":1},"old":{"a":0},"metadata":[1]},)"
    R"({"clientId":15,"op":"PUT","type":"t","id":5,"tx_id":8}],"client_id":"c","checkpoint":3,"on_error":"skip"})",
    R"({"mutations":[{"type":"CREATE","resource":"n\u0041é","data":{"a":[0.10,"]}\\\""]}},)"
    R"({"type":"UPDATE","resource":"n","resourceId":"1\ud83d\ude00","data":{ }} ,{"resourceId":-2.5,"type":"DELETE","resource":"n"},)"
    R"({"type":"DELETE","resource":"composite","data":{"k":1,"l":"é"}}]})",
    R"(["transform",[{"id":"3n\u0041é","name":"todo|all","args":[{"a":0.10},"]}\\\""]}, {"args":[ ],"name":"b","id":"\ud83d\ude00"}]])",
    R"({"table":"t\u0041é","where":{"a":[{"$arg":"x","default":[1,"]}\\\""]}, {"$user":true}],"b":{"\u0024arg":null}},"limit":-1.5e+10})",
};

const SyncResources any_resource = {
    .exists = [](std::string_view) { return true; },
    .has_composite_key = [](std::string_view resource) { return resource == "composite"; },
};

bool lies_within(std::string_view inner, std::string_view outer) {
    const char* end = outer.data() + outer.size();
    return inner.empty() || (inner.data() >= outer.data() && inner.data() + inner.size() <= end);
}

// Whether any parser accepts the text. Any exception but MalformedRequest fails the test by leaving it.
bool is_accepted(const std::string& request) {
    const auto block = std::make_unique<char[]>(request.size());
    std::ranges::copy(request, block.get());
    const std::string_view text(block.get(), request.size());
    bool accepted = false;
    fault_of([&] {
        const auto parsed = parse_push(text);
        accepted = true;
        if (const auto* push = std::get_if<Push>(&parsed)) {
            for (const auto& mutation : push->batch.mutations) {
                EXPECT_TRUE(lies_within(mutation.args, text));
                fault_of([&] { Object(mutation.args, "args"); });
            }
        }
    });
    fault_of([&] {
        parse_pull(text);
        accepted = true;
    });
    fault_of([&] {
        const auto queries = parse_zero_queries(text);
        accepted = true;
        for (const auto& query : queries)
            for (const std::string_view slice : {query.id, query.quoted_name, query.args}) EXPECT_TRUE(lies_within(slice, text));
    });
    try {
        const QueryTemplate read(text);
        accepted = true;
        EXPECT_FALSE(read.fill("q", R"({"x":1})", "u").empty());
    } catch (const MalformedTemplate&) {  // as it may be
    } catch (const UnfitArgs&) {}
    fault_of([&] {
        const auto upload = parse_upload(text);
        accepted = true;
        std::vector<TransactionResult> results;
        for (const auto& transaction : upload.transactions) {
            for (const auto& change : transaction.changes) {
                EXPECT_FALSE(change.id.empty());
                for (const std::string_view slice : {change.id, change.data, change.old, change.source})
                    EXPECT_TRUE(lies_within(slice, text));
                fault_of([&] { Object(change.data, "data"); });
            }
            auto& result = results.emplace_back();
            result.status = TransactionResult::Status::rejected;
            if (!transaction.changes.empty()) result.change = transaction.changes.size() - 1;
        }
        EXPECT_NO_THROW(nlohmann::json(upload_answer(upload, results)).dump());  // is UTF-8
    });
    fault_of([&] {
        const auto parsed = parse_sync_push(text, any_resource);
        if (const auto* refused = std::get_if<ValidationError>(&parsed)) {
            EXPECT_NO_THROW(nlohmann::json(validation_error_answer(*refused)).dump());
            return;
        }
        accepted = true;
        for (const auto& change : std::get<std::vector<RowChange>>(parsed)) {
            EXPECT_FALSE(change.id.empty() && change.data.empty());
            for (const std::string_view slice : {change.id, change.data, change.source}) {
                EXPECT_TRUE(lies_within(slice, text));
            }
            fault_of([&] { Object(change.data, "data"); });
        }
    });
    fault_of([&] { for_each_element(text, "a", [](std::string_view, const Extent&) {}); });
    return accepted;
}

}  // namespace

TEST(Robustness, TheRequestsThemselvesAreAccepted) {
    for (const auto& request : requests) EXPECT_TRUE(is_accepted(request)) << request;
}

TEST(Robustness, EveryTruncationIsMalformed) {
    for (const auto& request : requests) {
        for (std::size_t length = 0; length < request.size(); ++length) {
            EXPECT_FALSE(is_accepted(request.substr(0, length))) << request.substr(0, length);
            is_accepted(request.substr(length));
        }
    }
}

TEST(Robustness, EveryByteAtEveryPosition) {
    for (const auto& request : requests) {
        for (std::size_t position = 0; position < request.size(); ++position) {
            for (const char byte : std::string("\"\\[]{},:0-eEu \0\x7f\x80\xff", 18)) {
                std::string changed = request;
                changed[position] = byte;
                is_accepted(changed);
            }
        }
    }
}

TEST(Robustness, RandomMutations) {
    std::mt19937 random(20240607);  // NOLINT: the same tests on every run
    const auto below = [&](std::size_t limit) { return random() % limit; };
    std::size_t accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string request = requests[below(requests.size())];
        for (std::size_t changes = 1 + below(4); changes > 0 && !request.empty(); --changes) {
            const std::size_t position = below(request.size());
            const std::size_t length = std::min(1 + below(8), request.size() - position);
            switch (below(4)) {
                case 0: request[position] = static_cast<char>(below(256)); break;
                case 1: request.erase(position, length); break;
                case 2: request.insert(below(request.size()), request.substr(position, length)); break;
                default: request[position] = static_cast<char>(request[position] ^ (1 << below(8))); break;
            }
        }
        accepted += is_accepted(request) ? 1 : 0;
    }
    // Both ways were taken, or the test would say nothing.
    EXPECT_GT(accepted, 1000U);
    EXPECT_LT(accepted, 19'000U);
}

TEST(Robustness, RandomBytes) {
    std::mt19937 random(7);  // NOLINT: the same tests on every run
    const std::string alphabet = "{}[]\",:\\u01e-+. nultrfas";
    for (int round = 0; round < 20'000; ++round) {
        std::string text(random() % 40, '{');
        for (std::size_t i = 1; i < text.size(); ++i) text[i] = alphabet[random() % alphabet.size()];
        is_accepted(text);
    }
}

}  // namespace replicache::protocol
