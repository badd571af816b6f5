#include "protocol/powersync.h"

#include <gtest/gtest.h>

#include "helpers.h"

namespace replicache::protocol {

namespace {

// As the reference connector sends it, with the members that only some clients send.
const std::string transactions =
    R"({"transactions":[{"transaction_id":7,"crud":[)"
    R"({"id":"1111","op":"PUT","table":"widgets","op_data":{"n":0.10},"previous_values":{"n":1},"metadata":"m"},)"
    R"({"id":2,"op":"DELETE","table":"wheels"}]},{"crud":[{"id":"3","op":"PATCH","table":"widgets","op_data":{}}]}]})";
// As the JS SDK writes its entries.
const std::string batch =
    R"({"batch":[{"op_id":12,"op":"PATCH","type":"todos","id":"44f2","tx_id":7,"data":{"a":1},"old":{"a":0},"metadata":"t"},)"
    R"({"op_id":15,"op":"PUT","type":"lists","id":"5","tx_id":8,"data":{"b":"x"}}]})";
const std::string entry = R"({"op":"PUT","type":"t","id":"1"})";

std::string upload_fault(std::string_view text) {
    return fault_of([&] { parse_upload(text); });
}

std::string upload_of(std::string_view shape, std::string_view elements) {
    return R"({")" + std::string(shape) + R"(":[)" + std::string(elements) + "]}";
}

// A request of one entry that has these members beside the required ones.
std::string with(std::string_view members) { return upload_of("batch", R"({"op":"PUT","id":"1",)" + std::string(members) + "}"); }

std::string fault_with(std::string_view members) { return upload_fault(with(members)); }

std::string numbered(const std::vector<std::string>& entries) {
    std::string list;
    for (const auto& members : entries) list += (list.empty() ? "" : ",") + (R"({"op":"PUT","type":"t","id":"1",)" + members + "}");
    return list;
}

// The transactions' ids and how many changes each has: "7:2 -:1".
std::string groups(const Upload& upload) {
    std::string text;
    for (const auto& transaction : upload.transactions) {
        text += (text.empty() ? "" : " ") + (transaction.id ? std::to_string(*transaction.id) : "-") + ":" +
                std::to_string(transaction.changes.size());
    }
    return text;
}

std::string list_of(std::string_view element, std::size_t times) {
    std::string list = repeated(std::string(element) + ",", times);
    list.pop_back();
    return list;
}

// Of the one entry. The text has to outlive it.
RowChange change_of(const std::string& text) {
    const Upload upload = parse_upload(text);
    EXPECT_EQ(upload.transactions.size(), 1U);
    EXPECT_EQ(upload.transactions.at(0).changes.size(), 1U);
    return upload.transactions.at(0).changes.at(0);
}

const std::string no_shape = R"(upload: expected one of "transactions", "batch" and "crud", got )";
const std::vector<std::string> no_numbers = {"true", R"("1")", "-1", "1.5", "1.0", "1e1", "[]", "{}"};

}  // namespace

TEST(ParseUpload, Transactions) {
    const Upload upload = parse_upload(transactions);
    EXPECT_EQ(upload.client_id, std::nullopt);
    EXPECT_EQ(upload.checkpoint, std::nullopt);
    EXPECT_FALSE(upload.skip_rejected);
    ASSERT_EQ(groups(upload), "7:2 -:1");
    const RowChange& put = upload.transactions[0].changes[0];
    EXPECT_EQ(put.kind, RowChange::Kind::upsert);
    EXPECT_EQ(put.table, "widgets");
    EXPECT_EQ(put.id, R"("1111")");
    EXPECT_EQ(put.data, R"({"n":0.10})");
    EXPECT_EQ(put.old, R"({"n":1})");
    EXPECT_EQ(put.source, R"({"id":"1111","op":"PUT","table":"widgets","op_data":{"n":0.10},"previous_values":{"n":1},"metadata":"m"})");
    EXPECT_EQ(put.number, 0);
    const RowChange& remove = upload.transactions[0].changes[1];
    EXPECT_EQ(remove.kind, RowChange::Kind::remove);
    EXPECT_EQ(remove.table, "wheels");
    EXPECT_EQ(remove.id, "2");
    EXPECT_EQ(remove.data, "");
    EXPECT_EQ(remove.old, "");
    EXPECT_EQ(remove.source, R"({"id":2,"op":"DELETE","table":"wheels"})");
    const RowChange& patch = upload.transactions[1].changes[0];
    EXPECT_EQ(patch.kind, RowChange::Kind::update);
    EXPECT_EQ(patch.id, R"("3")");
    EXPECT_EQ(patch.data, "{}");
}

TEST(ParseUpload, BatchAndCrud) {
    for (const std::string shape : {"batch", "crud"}) {
        const std::string text = replaced(batch, "batch", shape);
        const Upload upload = parse_upload(text);
        ASSERT_EQ(groups(upload), "7:1 8:1");
        const RowChange& patch = upload.transactions[0].changes[0];
        EXPECT_EQ(patch.kind, RowChange::Kind::update);
        EXPECT_EQ(patch.table, "todos");
        EXPECT_EQ(patch.id, R"("44f2")");
        EXPECT_EQ(patch.data, R"({"a":1})");
        EXPECT_EQ(patch.old, R"({"a":0})");
        EXPECT_EQ(patch.source,
                  R"({"op_id":12,"op":"PATCH","type":"todos","id":"44f2","tx_id":7,"data":{"a":1},"old":{"a":0},"metadata":"t"})");
        EXPECT_EQ(patch.number, 12);
        const RowChange& put = upload.transactions[1].changes[0];
        EXPECT_EQ(put.kind, RowChange::Kind::upsert);
        EXPECT_EQ(put.table, "lists");
        EXPECT_EQ(put.data, R"({"b":"x"})");
        EXPECT_EQ(put.old, "");
        EXPECT_EQ(put.number, 15);
    }
}

TEST(ParseUpload, EveryDialect) {
    for (const std::string name : {"type", "table"}) EXPECT_EQ(change_of(with('"' + name + R"(":"x")")).table, "x");
    const auto text_of = [](const std::string& name, const std::string& value) { return with(R"("type":"t",")" + name + R"(":)" + value); };
    for (const std::string name : {"data", "op_data", "opData"}) {
        const std::string text = text_of(name, R"({"a":1})");
        EXPECT_EQ(change_of(text).data, R"({"a":1})") << name;
        EXPECT_EQ(change_of(text).old, "") << name;
    }
    for (const std::string name : {"old", "previous_values", "previousValues"}) {
        const std::string text = text_of(name, R"({"a":1})");
        EXPECT_EQ(change_of(text).old, R"({"a":1})") << name;
        EXPECT_EQ(change_of(text).data, "") << name;
    }
    for (const std::string name : {"op_id", "clientId"}) {
        const std::string text = text_of(name, "12");
        EXPECT_EQ(change_of(text).number, 12) << name;
        EXPECT_EQ(parse_upload(text).client_id, std::nullopt) << name;
    }
    for (const std::string name : {"tx_id", "transaction_id", "transactionId"}) {
        EXPECT_EQ(groups(parse_upload(text_of(name, "7"))), "7:1") << name;
        EXPECT_EQ(groups(parse_upload(upload_of("transactions", R"({"crud":[],")" + name + R"(":7})"))), "7:0") << name;
    }
    for (const std::string name : {"Type", "opdata", "op_Data", "previous", "opId", "client_id", "txId"}) {
        const std::string text = text_of(name, "true");
        EXPECT_EQ(groups(parse_upload(text)), "-:1") << name;
    }
}

TEST(ParseUpload, OfTwoNamesForTheSameTheFirstWithAValue) {
    EXPECT_EQ(change_of(with(R"("table":"b","type":"a")")).table, "a");
    EXPECT_EQ(change_of(with(R"("table":"b","type":null)")).table, "b");
    const auto of = [](const std::string& members, std::string_view RowChange::*member) {
        const std::string text = with(R"("type":"t",)" + members);
        return std::string(change_of(text).*member);
    };
    const std::string a = R"({"a":1})";
    const std::string b = R"({"b":1})";
    const std::string c = R"({"c":1})";
    for (const auto& [member, names] : {std::pair(&RowChange::data, std::array{"data", "op_data", "opData"}),
                                        std::pair(&RowChange::old, std::array{"old", "previous_values", "previousValues"})}) {
        const auto values = [&](const std::string& x, const std::string& y, const std::string& z) {
            return '"' + std::string(names[2]) + "\":" + z + ",\"" + names[1] + "\":" + y + ",\"" + names[0] + "\":" + x;
        };
        EXPECT_EQ(of(values(a, b, c), member), a);
        EXPECT_EQ(of(values("null", b, c), member), b);
        EXPECT_EQ(of(values("null", "null", c), member), c);
        EXPECT_EQ(of(values("null", "null", "null"), member), "");
        EXPECT_EQ(of(values("{}", b, c), member), "{}");
    }
    EXPECT_EQ(change_of(with(R"("type":"t","clientId":5,"op_id":4)")).number, 4);
    EXPECT_EQ(change_of(with(R"("type":"t","clientId":5,"op_id":null)")).number, 5);
    EXPECT_EQ(groups(parse_upload(with(R"("type":"t","transactionId":3,"transaction_id":2,"tx_id":1)"))), "1:1");
    EXPECT_EQ(groups(parse_upload(with(R"("type":"t","transactionId":3,"transaction_id":2,"tx_id":null)"))), "2:1");
    EXPECT_EQ(groups(parse_upload(with(R"("type":"t","transactionId":3,"transaction_id":null)"))), "3:1");
}

TEST(ParseUpload, NullIsAbsent) {
    const std::string text =
        R"({"transactions":null,"crud":null,"client_id":null,"clientId":null,"checkpoint":null,"write_checkpoint":null,)"
        R"("on_error":null,"on_fatal_error":null,"batch":[{"op":"PUT","id":1,"type":null,"table":"t","data":null,)"
        R"("op_data":null,"opData":null,"old":null,"previous_values":null,"previousValues":null,"tx_id":null,)"
        R"("transaction_id":null,"transactionId":null,"op_id":null,"clientId":null,"metadata":null}]})";
    const RowChange change = change_of(text);
    EXPECT_EQ(change.data, "");
    EXPECT_EQ(change.old, "");
    EXPECT_TRUE(change.source.ends_with(R"("metadata":null})"));
    EXPECT_EQ(change.number, 0);
    const Upload upload = parse_upload(text);
    EXPECT_EQ(upload.client_id, std::nullopt);
    EXPECT_EQ(upload.checkpoint, std::nullopt);
    EXPECT_FALSE(upload.skip_rejected);
    EXPECT_EQ(groups(upload), "-:1");
    EXPECT_EQ(groups(parse_upload(R"({"transactions":[{"transaction_id":null,"crud":[]}]})")), "-:0");
}

TEST(ParseUpload, ValuesAreTheSlicesThatTheClientWrote) {
    const std::string deep = R"({"a":)" + repeated("[", 100'000) + repeated("]", 100'000) + "}";
    for (const std::string& value :
         {std::string("{}"), std::string(R"({"x":0.10,"y":123456789012345678901234567890})"), std::string(R"({"\u0000":"\ud800"})"),
          std::string(R"({ "]" : "}\\\"" })"), std::string(R"({"op":"POKE","id":null})"), deep}) {
        for (const std::string name : {"data", "old"}) {
            const std::string head = R"("type":"t",")" + name + R"(":)";
            const std::string text = with(head + " \t" + value + "\r\n");
            const RowChange change = change_of(text);
            const std::string_view slice = name == "data" ? change.data : change.old;
            EXPECT_EQ(slice, value);
            EXPECT_EQ(slice.data(), text.data() + text.find(head) + head.size() + 2);
        }
    }
    for (const std::string value : {"0", "-1.50", "1e999", R"("\u0000")", R"(["]"])", "true", R"("")"}) {
        const std::string text = with(R"("type":"t","metadata":)" + value);
        EXPECT_EQ(change_of(text).source, R"({"op":"PUT","id":"1","type":"t","metadata":)" + value + "}");
    }
}

TEST(ParseUpload, IdsAreStringsOrNumbers) {
    for (const std::string id :
         {R"("")", R"("x")", R"("\u0000\ud800")", R"("null")", "0", "-7", "7", "1.50", "1e999", "123456789012345678901234567890", "9"}) {
        const std::string text = upload_of("crud", replaced(entry, R"("1")", id));
        const RowChange change = change_of(text);
        EXPECT_EQ(change.id, id);
        EXPECT_EQ(change.id.data(), text.data() + text.find(R"("id":)") + 5);
    }
    for (const std::string id : {"null", "true", "false", "[]", "{}", R"(["1"])", R"({"id":1})"}) {
        EXPECT_EQ(upload_fault(upload_of("crud", replaced(entry, R"("1")", id))),
                  "upload.crud[0].id: expected a string or a number, got " + id);
    }
}

TEST(ParseUpload, WhitespaceAndEscapesAreAllowedEverywhere) {
    const std::string text =
        "\n { \"b\\u0061tch\" :\t[ { \"\\u006fp\" : \"\\u0050UT\" , \"t\\u0079pe\" : \"\\ud83d\\ude00\" ,\r\n"
        "\"\\u0069d\" : \"1\" , \"d\\u0061ta\" : { } , \"ol\\u0064\" : {\"a\" : 1} , \"op\\u005fid\" : 3 ,"
        " \"tx\\u005fid\" : 7 , \"m\\u0065tadata\" : 1 } ] , \"client\\u005fid\" : \"c\\n\" , \"ch\\u0065ckpoint\" : 4 ,"
        " \"on\\u005ferror\" : \"s\\u006bip\" } \n";
    const Upload upload = parse_upload(text);
    EXPECT_EQ(upload.client_id, "c\n");
    EXPECT_EQ(upload.checkpoint, 4);
    EXPECT_TRUE(upload.skip_rejected);
    EXPECT_EQ(groups(upload), "7:1");
    const RowChange change = change_of(text);
    EXPECT_EQ(change.kind, RowChange::Kind::upsert);
    EXPECT_EQ(change.table, "😀");
    EXPECT_EQ(change.id, R"("1")");
    EXPECT_EQ(change.data, "{ }");
    EXPECT_EQ(change.old, R"({"a" : 1})");
    EXPECT_EQ(change.number, 3);
    EXPECT_TRUE(change.source.ends_with("\"m\\u0065tadata\" : 1 }"));
    EXPECT_EQ(groups(parse_upload(R"({"transact\u0069ons":[{"\u0063rud":[],"transaction\u0049d":5}]})")), "5:0");
}

TEST(ParseUpload, LastOfEqualMembersWins) {
    const std::string text = R"({"batch":7,"batch":[{"op":"POKE","op":"PUT","id":null,"id":1,"type":"a","type":"b","data":1,"data":{},)"
                             R"("table":"c","op_id":9,"op_id":2}]})";
    const RowChange change = change_of(text);
    EXPECT_EQ(change.table, "b");
    EXPECT_EQ(change.data, "{}");
    EXPECT_EQ(change.number, 2);
    EXPECT_EQ(change_of(with(R"("type":"a","type":null,"table":"c")")).table, "c");
}

TEST(ParseUpload, IgnoredMembersMayBeAnything) {
    for (const std::string value : {"null", "1e999", R"("\u0000\ud800")", "[[[]]]", "-1", R"({"op":"POKE"})"}) {
        EXPECT_EQ(fault_with(R"("type":"t","other":)" + value), "accepted");
        EXPECT_EQ(fault_with(R"("type":"t","\ud800":)" + value), "accepted");
        EXPECT_EQ(upload_fault(R"({"other":)" + value + "," + batch.substr(1)), "accepted");
        EXPECT_EQ(upload_fault(R"({"transactions":[{"x":)" + value + R"(,"crud":[]}]})"), "accepted");
    }
}

TEST(ParseUpload, GroupsNeighboursOfTheSameTransaction) {
    const auto grouped = [](const std::vector<std::string>& entries) { return groups(parse_upload(upload_of("crud", numbered(entries)))); };
    EXPECT_EQ(grouped({R"("x":1)", R"("x":1)", R"("tx_id":null)"}), "-:3");
    EXPECT_EQ(grouped({R"("tx_id":7)", R"("transaction_id":7)", R"("transactionId":7)"}), "7:3");
    EXPECT_EQ(grouped({R"("tx_id":7)", R"("tx_id":7)", R"("tx_id":8)", R"("tx_id":10)", R"("tx_id":10)"}), "7:2 8:1 10:2");
    EXPECT_EQ(grouped({R"("tx_id":7)", R"("tx_id":8)", R"("tx_id":7)"}), "7:1 8:1 7:1");
    EXPECT_EQ(grouped({R"("x":1)", R"("tx_id":7)", R"("x":1)", R"("tx_id":null)", R"("tx_id":0)"}), "-:1 7:1 -:2 0:1");
    const std::string text = upload_of("batch", numbered({R"("tx_id":7,"op_id":1)", R"("tx_id":7,"op_id":3)"}));
    const Upload upload = parse_upload(text);
    EXPECT_EQ(upload.transactions[0].changes[0].number, 1);
    EXPECT_EQ(upload.transactions[0].changes[1].number, 3);
    // Transactions that are listed as such are taken as they are.
    const std::string two = R"({"transaction_id":7,"crud":[)" + numbered({R"("tx_id":1)", R"("tx_id":2)"}) + "]}";
    EXPECT_EQ(groups(parse_upload(upload_of("transactions", two + "," + two))), "7:2 7:2");
}

TEST(ParseUpload, OfTheRequestAsAWhole) {
    const auto parsed = [](const std::string& members) { return parse_upload("{" + members + "," + batch.substr(1)); };
    EXPECT_EQ(parsed(R"("client_id":"a")").client_id, "a");
    EXPECT_EQ(parsed(R"("clientId":"b")").client_id, "b");
    EXPECT_EQ(parsed(R"("clientId":"b","client_id":"a")").client_id, "a");
    EXPECT_EQ(parsed(R"("clientId":"b","client_id":null)").client_id, "b");
    EXPECT_EQ(parsed(R"("client_id":")" + std::string(1000, 'x') + '"').client_id, std::string(1000, 'x'));
    EXPECT_EQ(parsed(R"("checkpoint":0)").checkpoint, 0);
    EXPECT_EQ(parsed(R"("write_checkpoint":9007199254740991)").checkpoint, max_safe_integer);
    EXPECT_EQ(parsed(R"("write_checkpoint":2,"checkpoint":1)").checkpoint, 1);
    EXPECT_EQ(parsed(R"("write_checkpoint":2,"checkpoint":null)").checkpoint, 2);
    EXPECT_TRUE(parsed(R"("on_error":"skip")").skip_rejected);
    EXPECT_FALSE(parsed(R"("on_error":"stop")").skip_rejected);
    EXPECT_TRUE(parsed(R"("on_fatal_error":"skip")").skip_rejected);
    EXPECT_FALSE(parsed(R"("on_fatal_error":"skip","on_error":"stop")").skip_rejected);
    EXPECT_TRUE(parsed(R"("on_fatal_error":"skip","on_error":null)").skip_rejected);
}

TEST(ParseUpload, FaultsOfTheRequestAsAWhole) {
    const auto fault = [](const std::string& members) { return upload_fault("{" + members + "," + batch.substr(1)); };
    for (const std::string name : {"client_id", "clientId"}) {
        const std::string head = '"' + name + "\":";
        for (const std::string value : {"true", "1", "[]", "{}"})
            EXPECT_EQ(fault(head + value), "upload." + name + ": expected a string, got " + value);
        EXPECT_EQ(fault(head + R"("")"), "upload." + name + R"(: expected a string of 1 to 1000 bytes, got "")");
        EXPECT_EQ(fault(head + R"("\ud800")"), "upload." + name + R"(: expected a string of valid Unicode, got "\ud800")");
        EXPECT_EQ(fault(head + R"("\u0000")"), "upload." + name + R"(: expected a string without \u0000, got "\u0000")");
    }
    for (const std::string name : {"checkpoint", "write_checkpoint"}) {
        for (const auto& value : no_numbers)
            EXPECT_EQ(fault('"' + name + "\":" + value), "upload." + name + ": expected an unsigned integer, got " + value);
        EXPECT_EQ(fault('"' + name + "\":9007199254740992"),
                  "upload." + name + ": expected an unsigned integer up to 9007199254740991, got 9007199254740992");
    }
    for (const std::string name : {"on_error", "on_fatal_error"}) {
        EXPECT_EQ(fault('"' + name + R"(":"Skip")"), "upload." + name + R"(: expected "stop" or "skip", got "Skip")");
        EXPECT_EQ(fault('"' + name + R"(":"")"), "upload." + name + R"(: expected "stop" or "skip", got "")");
        EXPECT_EQ(fault('"' + name + R"(":true)"), "upload." + name + ": expected a string, got true");
    }
}

TEST(ParseUpload, NoShapeOrTwo) {
    EXPECT_EQ(upload_fault("{}"), no_shape + "{}");
    EXPECT_EQ(upload_fault(R"({"Batch":[]})"), no_shape + R"({"Batch":[]})");
    EXPECT_EQ(upload_fault(R"({"transactions":null})"), no_shape + R"({"transactions":null})");
    const std::string list = "[" + entry + "]";
    EXPECT_EQ(upload_fault(R"({"crud":)" + list + R"(,"batch":)" + list + "}"), no_shape + R"("batch" and "crud")");
    EXPECT_EQ(upload_fault(R"({"crud":[],"transactions":[]})"), no_shape + R"("transactions" and "crud")");
    EXPECT_EQ(upload_fault(R"({"batch":1,"transactions":[]})"), no_shape + R"("transactions" and "batch")");
    for (const std::string value : {"null", "1", "[]", R"("x")", "foo", R"([{"op":"PUT"}])"})
        EXPECT_EQ(upload_fault(value), "upload: expected an object, got " + value);
    EXPECT_EQ(upload_fault(""), "upload: expected an object, got nothing");
    EXPECT_EQ(upload_fault(batch + "x"), "upload: not valid JSON: expected the end, got x");
}

TEST(ParseUpload, HowManyTransactions) {
    const auto parsed = [](std::size_t count) { return groups(parse_upload(upload_of("transactions", list_of(R"({"crud":[]})", count)))); };
    EXPECT_EQ(parsed(1), "-:0");
    EXPECT_EQ(parsed(50), repeated("-:0 ", 49) + "-:0");
    const std::string expected = "upload.transactions: expected 1 to 50 transactions, got ";
    EXPECT_EQ(upload_fault(upload_of("transactions", "")), expected + "none");
    EXPECT_EQ(upload_fault(upload_of("transactions", list_of(R"({"crud":[]})", 51))), expected + "more");
    // The limit is for that shape only.
    std::vector<std::string> entries;
    for (int i = 0; i < 200; ++i) entries.push_back(R"("tx_id":)" + std::to_string(i));
    EXPECT_EQ(parse_upload(upload_of("batch", numbered(entries))).transactions.size(), 200U);
}

TEST(ParseUpload, HowManyEntries) {
    for (const std::string shape : {"batch", "crud"})
        EXPECT_EQ(upload_fault(upload_of(shape, "")), "upload." + shape + ": expected 1 to 100000 entries, got none");
    EXPECT_EQ(groups(parse_upload(upload_of("batch", list_of(entry, max_upload_entries)))), "-:100000");
    EXPECT_EQ(upload_fault(upload_of("batch", list_of(entry, max_upload_entries + 1))),
              "upload.batch: expected at most 100000 entries in a request, got more");
    const auto of = [](std::size_t count) { return R"({"crud":[)" + list_of(entry, count) + "]}"; };
    EXPECT_EQ(upload_fault(upload_of("transactions", of(60'000) + "," + of(40'001))),
              "upload.transactions[1].crud: expected at most 100000 entries in a request, got more");
}

TEST(ParseUpload, OpIdsRise) {
    const auto fault = [](const std::vector<std::string>& entries) { return upload_fault(upload_of("batch", numbered(entries))); };
    EXPECT_EQ(fault({R"("op_id":1)", R"("clientId":2)", R"("x":1)", R"("op_id":9007199254740991)"}), "accepted");
    EXPECT_EQ(fault({R"("op_id":12)", R"("op_id":12)"}), "upload.batch[1].op_id: expected a number above 12, got 12");
    EXPECT_EQ(fault({R"("op_id":12)", R"("x":1)", R"("clientId":7)"}), "upload.batch[2].clientId: expected a number above 12, got 7");
    EXPECT_EQ(fault({R"("op_id":0)"}), "upload.batch[0].op_id: expected a number above 0, got 0");
    const auto of = [](const std::string& id) { return R"({"crud":[)" + numbered({R"("op_id":)" + id}) + "]}"; };
    EXPECT_EQ(upload_fault(upload_of("transactions", of("3") + "," + of("4"))), "accepted");
    EXPECT_EQ(upload_fault(upload_of("transactions", of("3") + "," + of("3"))),
              "upload.transactions[1].crud[0].op_id: expected a number above 3, got 3");
    EXPECT_EQ(upload_fault(upload_of("transactions", of("3") + "," + of("2"))),
              "upload.transactions[1].crud[0].op_id: expected a number above 3, got 2");
}

TEST(ParseUpload, Ops) {
    const std::string head = "upload.transactions[0].crud[1].op: expected ";
    for (const std::string op : {R"("POKE")", R"("put")", R"("Patch")", R"("")", R"("PUT ")", R"("\u0070UT")"})
        EXPECT_EQ(upload_fault(replaced(transactions, R"("DELETE")", op)), head + R"("PUT", "PATCH" or "DELETE", got )" + op);
    for (const std::string op : {"null", "true", "3", "[]", "{}"})
        EXPECT_EQ(upload_fault(replaced(transactions, R"("DELETE")", op)), head + "a string, got " + op);
}

TEST(ParseUpload, MissingMembers) {
    const std::string path = "upload.transactions[0].crud[1].";
    EXPECT_EQ(upload_fault(replaced(transactions, R"("op":"DELETE")", R"("Op":"DELETE")")), path + "op: missing");
    EXPECT_EQ(upload_fault(replaced(transactions, R"("table":"wheels")", R"("Table":"wheels")")), path + "type: missing");
    EXPECT_EQ(upload_fault(replaced(transactions, R"("id":2)", R"("ID":2)")), path + "id: missing");
    EXPECT_EQ(upload_fault(R"({"transactions":[{}]})"), "upload.transactions[0].crud: missing");
    EXPECT_EQ(upload_fault(R"({"batch":[{}]})"), "upload.batch[0].op: missing");
    EXPECT_EQ(upload_fault(R"({"crud":[)" + entry + ",{}]}"), "upload.crud[1].op: missing");
}

TEST(ParseUpload, WrongTypes) {
    for (const std::string shape : {"transactions", "batch", "crud"}) {
        const std::string path = "upload." + shape;
        for (const std::string value : {"true", R"("x")", "1", "{}"})
            EXPECT_EQ(upload_fault(R"({")" + shape + R"(":)" + value + "}"), path + ": expected an array, got " + value);
        for (const std::string value : {"null", "true", R"("x")", "1", "[]"})
            EXPECT_EQ(upload_fault(upload_of(shape, value)), path + "[0]: expected an object, got " + value);
    }
    for (const std::string value : {"null", "true", R"("x")", "1", "{}"}) {
        EXPECT_EQ(upload_fault(R"({"transactions":[{"crud":[]},{"crud":)" + value + "}]}"),
                  "upload.transactions[1].crud: expected an array, got " + value);
    }
    for (const std::string value : {"true", "1", "[]", "{}"}) {
        EXPECT_EQ(fault_with(R"("type":)" + value), "upload.batch[0].type: expected a string, got " + value);
        EXPECT_EQ(fault_with(R"("table":)" + value), "upload.batch[0].table: expected a string, got " + value);
    }
    EXPECT_EQ(fault_with(R"("type":null)"), "upload.batch[0].type: expected a string, got null");
    EXPECT_EQ(fault_with(R"("type":"\u0000")"), R"(upload.batch[0].type: expected a string without \u0000, got "\u0000")");
    EXPECT_EQ(fault_with(R"("type":"\ud800")"), R"(upload.batch[0].type: expected a string of valid Unicode, got "\ud800")");
    for (const std::string name : {"data", "op_data", "opData", "old", "previous_values", "previousValues"}) {
        for (const std::string value : {"true", "1", "[]", R"("{}")", R"([{}])"}) {
            EXPECT_EQ(fault_with(R"("type":"t",")" + name + R"(":)" + value),
                      "upload.batch[0]." + name + ": expected an object, got " + value);
        }
    }
    for (const std::string name : {"op_id", "clientId", "tx_id", "transaction_id", "transactionId"}) {
        const std::string head = R"("type":"t",")" + name + R"(":)";
        for (const auto& value : no_numbers)
            EXPECT_EQ(fault_with(head + value), "upload.batch[0]." + name + ": expected an unsigned integer, got " + value);
        EXPECT_EQ(fault_with(head + "9007199254740992"),
                  "upload.batch[0]." + name + ": expected an unsigned integer up to 9007199254740991, got 9007199254740992");
    }
    EXPECT_EQ(upload_fault(R"({"transactions":[{"crud":[],"transaction_id":"7"}]})"),
              R"(upload.transactions[0].transaction_id: expected an unsigned integer, got "7")");
    EXPECT_EQ(upload_fault(upload_of("batch", R"({"op":"PUT" "id":1})")),
              R"(upload.batch: not valid JSON: expected "," or "}", got "id":1}])");
}

TEST(ParseUpload, EmptyTableNamesAreLeftToTheEngine) {
    EXPECT_EQ(change_of(with(R"("type":"")")).table, "");
    EXPECT_EQ(change_of(with(R"("type":"","table":"b")")).table, "");
}

}  // namespace replicache::protocol
