// What src/pg reads without PostgreSQL's help: the tokens of JSON, and integers.
#include "fuzz.h"

#include "base/text.h"
#include "pg/error.h"
#include "pg/json/integer_text.h"
#include "pg/json/json_reader.h"

namespace replicache::pg {

// See no_server.cpp.
PgError PgError::take() noexcept { std::abort(); }
PgError::~PgError() { std::abort(); }

}  // namespace replicache::pg

namespace replicache::fuzz {

namespace {

using pg::JsonReader;
using Token = JsonReader::Token;

// Follows nlohmann/json's parser through the same text.
class Follower {
public:
    explicit Follower(std::string_view text) : reader_(text) {}

    bool null() { return expect(Token::null); }
    bool boolean(bool value) { return expect(value ? Token::literal_true : Token::literal_false); }
    bool number_integer(Json::number_integer_t value) { return expect(Token::number) && expect(json_of(reader_.text()) == Json(value)); }
    bool number_unsigned(Json::number_unsigned_t value) { return expect(Token::number) && expect(json_of(reader_.text()) == Json(value)); }
    bool number_float(double, const std::string& text) { return expect(Token::number) && expect(reader_.text() == text); }
    bool string(std::string& value) { return expect(Token::string) && expect_text(value); }
    bool key(std::string& value) { return expect(Token::name) && expect_text(value); }
    bool start_object(std::size_t) { return expect(Token::begin_object); }
    bool end_object() { return expect(Token::end_object); }
    bool start_array(std::size_t) { return expect(Token::begin_array); }
    bool end_array() { return expect(Token::end_array); }
    bool binary(Json::binary_t&) { return false; }
    bool parse_error(std::size_t, const std::string&, const Json::exception&) { return false; }

private:
    bool expect(Token token) { return expect(reader_.next() == token); }
    bool expect_text(const std::string& value) { return expect(json_of('"' + std::string(reader_.text()) + '"') == Json(value)); }
    static bool expect(bool holds) {
        check(holds, "the tokens are those of nlohmann/json");
        return true;
    }

    JsonReader reader_;
};

}  // namespace

void reader(std::string_view text) {
    JsonReader tokens(text), values(text);
    for (std::size_t i = 0;; ++i) {
        const Token token = tokens.next();
        check(i <= text.size(), "every token but the last takes a byte");
        if (token == Token::end) break;
        check_within(tokens.text(), text);
    }
    const Token first = values.next();
    const std::string_view value = first == Token::end ? std::string_view() : values.value(first);
    check_within(value, text);
    const auto json = json_of(text);
    if (!json) return;
    check(json_of(value) == *json, "the value is all of the text");
    Follower follower(text);
    Json::sax_parse(text, &follower);
}

// The 64 bits of x86's long double hold every integer that is in range.
void integer(std::string_view text) {
    using pg::IntegerText;
    if (text.find('\0') != std::string_view::npos) return;
    const std::string trimmed(trim(text, is_space));
    std::int64_t number = 0;
    const IntegerText kind = pg::read_integer(text, &number);
    char* end = nullptr;
    const long double value = std::strtold(trimmed.c_str(), &end);
    const bool decimal = trimmed.find_first_not_of("0123456789+-.eE") == std::string::npos;
    const bool is_number = decimal && !trimmed.empty() && end == trimmed.c_str() + trimmed.size();
    check((kind != IntegerText::no_number) == is_number, "a number is a number");
    constexpr long double limit = 9223372036854775808.0L;
    switch (kind) {
        case IntegerText::no_number: break;
        case IntegerText::valid: check(static_cast<long double>(number) == value, "the value"); break;
        case IntegerText::out_of_range: check(value >= limit || value <= -limit, "out of range"); break;
        case IntegerText::fraction:
            check(trimmed.find_first_of(".eE") != std::string::npos, "a fraction has a point or an exponent");
            break;
    }
}

}  // namespace replicache::fuzz
