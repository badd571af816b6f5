// What goes back to PowerSync clients, byte for byte.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "protocol/powersync.h"

namespace replicache::protocol {

namespace {

using Status = TransactionResult::Status;

RowChange change(std::string table, std::string_view id) {
    RowChange change;
    change.table = std::move(table);
    change.id = id;
    return change;
}

Upload upload_of(std::size_t transactions, std::vector<RowChange> changes = {change("todos", R"("44f2")"), change("\"é\n", "7")}) {
    Upload upload;
    upload.transactions.assign(transactions, ClientTransaction{.changes = std::move(changes)});
    return upload;
}

TransactionResult failed(Status status, Failure failure, std::optional<std::size_t> change = std::nullopt) {
    return {.status = status, .change = change, .failure = std::move(failure)};
}

std::string answer_of(const TransactionResult& result, const Upload& upload = upload_of(1)) { return upload_answer(upload, {result}); }

std::string code_of(const std::string& sqlstate) {
    const auto answer = nlohmann::json::parse(answer_of(failed(Status::rejected, {sqlstate, "m", {}, {}}, 0)));
    const auto& operation = answer["results"][0]["failed_operation"];
    EXPECT_EQ(operation["details"]["sqlstate"], sqlstate);
    return operation["error_code"];
}

std::string id_of(const std::string& id) {
    const Upload upload = upload_of(1, {change("t", id)});
    const std::string text = answer_of(failed(Status::rejected, {"P0001", "no", {}, {}}, 0), upload);
    EXPECT_TRUE(nlohmann::json::accept(text) || id.find("\\ud800") != std::string::npos || id == "1e999") << text;
    const std::string head = R"("id":)";
    const std::size_t begin = text.find(head) + head.size();
    return text.substr(begin, text.rfind(R"(,"sqlstate")") - begin);
}

}  // namespace

TEST(UploadAnswer, OneResultPerTransactionInTheirOrder) {
    EXPECT_EQ(upload_answer(upload_of(0), {}), R"({"results":[]})");
    EXPECT_EQ(upload_answer(upload_of(1), {{.status = Status::success}}), R"({"results":[{"status":"success"}]})");
    EXPECT_EQ(upload_answer(upload_of(4), {{.status = Status::success},
                                           failed(Status::temporary, {"40001", "could not serialize", "d", "h"}, 1),
                                           failed(Status::rejected, {"23502", "null", "d", "h"}, 0),
                                           {.status = Status::not_attempted}}),
              R"({"results":[{"status":"success"},)"
              R"({"status":"retryable_error","message":"could not serialize","retry_after_ms":1000},)"
              R"({"status":"fatal_error","requires_client_handling":false,"message":"null",)"
              R"("failed_operation":{"error_code":"NOT_NULL_VIOLATION","message":"null",)"
              R"("details":{"table":"todos","id":"44f2","detail":"d","hint":"h","sqlstate":"23502"},"operation_index":0}},)"
              R"({"status":"not_attempted"}]})");
}

TEST(UploadAnswer, AResultThatNobodySetWasNotAttempted) { EXPECT_EQ(answer_of({}), R"({"results":[{"status":"not_attempted"}]})"); }

TEST(UploadAnswer, DetailsSayWhatIsKnown) {
    auto result = failed(Status::rejected, {"23505", "dup", std::nullopt, std::nullopt}, 1);
    EXPECT_EQ(answer_of(result), R"({"results":[{"status":"fatal_error","requires_client_handling":false,"message":"dup",)"
                                 R"("failed_operation":{"error_code":"UNIQUE_VIOLATION","message":"dup",)"
                                 R"("details":{"table":"\"é\n","id":7,"sqlstate":"23505"},"operation_index":1}}]})");
    result.column = "a\"b";
    result.failure.detail = "";
    EXPECT_NE(answer_of(result).find(R"("id":7,"column":"a\"b","detail":"","sqlstate":"23505"})"), std::string::npos);
    result.failure.hint = "h";
    EXPECT_NE(answer_of(result).find(R"("column":"a\"b","detail":"","hint":"h","sqlstate":"23505"})"), std::string::npos);
}

TEST(UploadAnswer, ATransactionThatFailsAtItsEndNamesNoOperation) {
    auto result = failed(Status::rejected, {"23503", "fk", std::nullopt, std::nullopt});
    result.column = "c";
    EXPECT_EQ(answer_of(result), R"({"results":[{"status":"fatal_error","requires_client_handling":false,"message":"fk",)"
                                 R"("failed_operation":{"error_code":"FOREIGN_KEY_VIOLATION","message":"fk",)"
                                 R"("details":{"column":"c","sqlstate":"23503"}}}]})");
}

TEST(UploadAnswer, IdsAreAsTheClientWroteThem) {
    for (const std::string id :
         {R"("")", R"("x\"\\\u0000")", R"("\ud800")", R"("é😀")", R"("é\n\"")", "0", "-1.50", "1e999", "123456789012345678901234567890"})
        EXPECT_EQ(id_of(id), id);
}

TEST(UploadAnswer, InvalidUtf8IsReplaced) {
    EXPECT_EQ(id_of("\"a\xff\""), "\"a\uFFFD\"");
    EXPECT_EQ(answer_of(failed(Status::temporary, {"53200", "\x80", {}, {}}, 0)),
              "{\"results\":[{\"status\":\"retryable_error\",\"message\":\"\uFFFD\",\"retry_after_ms\":1000}]}");
    auto result = failed(Status::rejected, {"P0001", "bad \xff byte", "\xc3", "\xe2\x82"}, 0);
    result.column = "\xf0";
    EXPECT_EQ(answer_of(result, upload_of(1, {change("\xfe", "1")})),
              "{\"results\":[{\"status\":\"fatal_error\",\"requires_client_handling\":false,\"message\":\"bad \uFFFD byte\","
              "\"failed_operation\":{\"error_code\":\"UNCLASSIFIED_ERROR\",\"message\":\"bad \uFFFD byte\",\"details\":{"
              "\"table\":\"\uFFFD\",\"id\":1,\"column\":\"\uFFFD\",\"detail\":\"\uFFFD\",\"hint\":\"\uFFFD\","
              "\"sqlstate\":\"P0001\"},\"operation_index\":0}}]}");
}

TEST(UploadAnswer, ControlCharactersAreEscaped) {
    const Failure failure{"P0001", std::string("a\0\x01\n\"\\", 6), {}, {}};
    EXPECT_NE(answer_of(failed(Status::temporary, failure)).find(R"("message":"a\u0000\u0001\n\"\\")"), std::string::npos);
}

TEST(UploadAnswer, QuotesAndBackslashesAreEscaped) {
    for (const auto& [text, escaped] : {std::pair(R"(a\b"c)", R"(a\\b\"c)"), std::pair(R"(\)", R"(\\)"), std::pair(R"("")", R"(\"\")")}) {
        EXPECT_NE(answer_of(failed(Status::temporary, {"40001", text, {}, {}})).find(R"("message":")" + std::string(escaped) + R"(",)"),
                  std::string::npos);
    }
}

TEST(UploadAnswer, ErrorCodes) {
    EXPECT_EQ(code_of("23502"), "NOT_NULL_VIOLATION");
    EXPECT_EQ(code_of("23503"), "FOREIGN_KEY_VIOLATION");
    EXPECT_EQ(code_of("23505"), "UNIQUE_VIOLATION");
    EXPECT_EQ(code_of("23514"), "CHECK_VIOLATION");
    for (const auto* sqlstate : {"23000", "23001", "23P01", "23504"}) EXPECT_EQ(code_of(sqlstate), "CONSTRAINT_VIOLATION") << sqlstate;
    for (const auto* sqlstate : {"22000", "22P02", "22003", "22021", "22023"}) EXPECT_EQ(code_of(sqlstate), "INVALID_DATA") << sqlstate;
    for (const auto* sqlstate : {"42000", "42P01", "42703", "42502", "42804"}) EXPECT_EQ(code_of(sqlstate), "SCHEMA_MISMATCH") << sqlstate;
    EXPECT_EQ(code_of("42501"), "UNAUTHORIZED");
    EXPECT_EQ(code_of("RE002"), "CONFLICT");
    for (const auto* sqlstate : {"P0001", "28000", "44000", "02350", "25006", "XX000", "0A000", "54000", "RE001", "RE003", "2", "4", ""})
        EXPECT_EQ(code_of(sqlstate), "UNCLASSIFIED_ERROR") << sqlstate;
}

TEST(UploadAnswer, ResultsOrChangesThatAreNotInTheUploadAreABug) {
    EXPECT_THROW(upload_answer(upload_of(1), {}), std::invalid_argument);
    EXPECT_THROW(upload_answer(upload_of(1), {{}, {}}), std::invalid_argument);
    EXPECT_THROW(upload_answer(upload_of(0), {{}}), std::invalid_argument);
    EXPECT_THROW(answer_of(failed(Status::rejected, {"P0001", "no", {}, {}}, 2)), std::out_of_range);
}

}  // namespace replicache::protocol
