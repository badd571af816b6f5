#include "protocol/scanner.h"

#include <algorithm>
#include <cstring>

namespace replicache::protocol {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_whitespace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

bool is_scalar_character(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

// Where a nested value may go deeper, or end.
bool is_structure(char c) { return c == '"' || c == '{' || c == '}' || c == '[' || c == ']'; }

// Takes one of the characters from the front, if it is there.
bool take_any(std::string_view& text, std::string_view characters) {
    const bool found = !text.empty() && characters.find(text.front()) != std::string_view::npos;
    text.remove_prefix(found ? 1 : 0);
    return found;
}

// Takes all leading digits; tells whether there were any.
bool take_digits(std::string_view& text) {
    const auto length = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
    text.remove_prefix(length);
    return length > 0;
}

bool is_number(std::string_view text) {
    take_any(text, "-");
    if (!take_any(text, "0") && !take_digits(text)) return false;
    if (take_any(text, ".") && !take_digits(text)) return false;
    if (take_any(text, "eE")) {
        take_any(text, "+-");
        if (!take_digits(text)) return false;
    }
    return text.empty();
}

}  // namespace

void Scanner::open(char bracket, std::string_view expected_type) {
    if (!take(bracket)) throw MalformedRequest(path_, expected_type, text_.substr(position_));
}

bool Scanner::at(char character) {
    skip_whitespace();
    return position_ < text_.size() && text_[position_] == character;
}

bool Scanner::take(char character) {
    const bool found = at(character);
    position_ += found ? 1 : 0;
    return found;
}

void Scanner::expect(char character, std::string_view expected) {
    if (!take(character)) fail(expected);
}

void Scanner::expect_end() {
    skip_whitespace();
    if (position_ < text_.size()) fail("the end");
}

std::string_view Scanner::string() {
    skip_whitespace();
    const std::size_t begin = position_;
    if (begin == text_.size() || text_[begin] != '"') fail("a string");
    skip_string();
    return text_.substr(begin, position_ - begin);
}

std::string_view Scanner::value() {
    skip_whitespace();
    const std::size_t begin = position_;
    const char first = begin < text_.size() ? text_[begin] : '\0';
    if (first == '"')
        skip_string();
    else if (first == '{' || first == '[')
        skip_nested();
    else
        skip_scalar();
    return text_.substr(begin, position_ - begin);
}

void Scanner::skip_whitespace() {
    while (position_ < text_.size() && is_whitespace(text_[position_])) ++position_;
}

// From quote to quote, since memchr is so much faster than looking at every character. A quote ends the string unless an odd
// number of backslashes comes before it.
void Scanner::skip_string() {
    const char* const begin = text_.data() + position_;
    const char* const end = text_.data() + text_.size();
    for (const char* next = begin + 1; next < end;) {
        const auto* const quote = static_cast<const char*>(std::memchr(next, '"', static_cast<std::size_t>(end - next)));
        if (quote == nullptr) break;
        const char* escape = quote;
        while (escape[-1] == '\\') --escape;
        next = quote + 1;
        if ((quote - escape) % 2 == 0) {
            position_ = static_cast<std::size_t>(next - text_.data());
            return;
        }
    }
    fail("a string that ends");
}

void Scanner::skip_nested() {
    const std::size_t begin = position_;
    std::string closers;  // of the open brackets: on the heap, beyond the first few
    do {
        const char c = text_[position_];
        if (!is_structure(c)) {
            ++position_;
            continue;
        }
        if (c == '"') {
            skip_string();
            continue;
        }
        if (c == '{' || c == '[') {
            closers.push_back(c == '{' ? '}' : ']');
        } else {
            if (closers.back() != c) fail(closers.back() == '}' ? R"("}")" : R"("]")");
            closers.pop_back();
        }
        ++position_;
    } while (!closers.empty() && position_ < text_.size());
    if (!closers.empty()) {
        position_ = begin;
        fail("brackets that close");
    }
}

void Scanner::skip_scalar() {
    const std::size_t begin = position_;
    while (position_ < text_.size() && is_scalar_character(text_[position_])) ++position_;
    const std::string_view scalar = text_.substr(begin, position_ - begin);
    if (!is_number(scalar) && scalar != "null" && scalar != "true" && scalar != "false") {
        position_ = begin;
        fail("a value");
    }
}

void Scanner::fail(std::string_view expected) const {
    throw MalformedRequest(path_.text() + ": not valid JSON", expected, text_.substr(position_));
}

}  // namespace replicache::protocol
