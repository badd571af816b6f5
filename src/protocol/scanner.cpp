#include "protocol/scanner.h"

#include "base/text.h"

namespace replicache::protocol {

namespace {

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

bool is_number(std::string_view text) {
    take_any(text, "-");
    if (!take_any(text, "0") && take_digits(text).empty()) return false;
    if (take_any(text, ".") && take_digits(text).empty()) return false;
    if (take_any(text, "eE")) {
        take_any(text, "+-");
        if (take_digits(text).empty()) return false;
    }
    return text.empty();
}

}  // namespace

void Scanner::open(char bracket, std::string_view expected_type) {
    if (!take(bracket)) throw MalformedRequest(path_, expected_type, cursor_.rest());
}

bool Scanner::at(char character) {
    skip_whitespace();
    return cursor_.at(character);
}

bool Scanner::take(char character) {
    const bool found = at(character);
    if (found) cursor_.step();
    return found;
}

void Scanner::expect(char character, std::string_view expected) {
    if (!take(character)) fail(expected);
}

void Scanner::expect_end() {
    skip_whitespace();
    if (!cursor_.at_end()) fail("the end");
}

std::string_view Scanner::string() {
    if (!at('"')) fail("a string");
    const char* const begin = position();
    skip_string();
    return cursor_.since(begin);
}

std::string_view Scanner::value() {
    skip_whitespace();
    const char* const begin = position();
    if (cursor_.at('"'))
        skip_string();
    else if (cursor_.at('{') || cursor_.at('['))
        skip_nested();
    else
        skip_scalar();
    return cursor_.since(begin);
}

void Scanner::skip_string() {
    if (!cursor_.skip_string()) fail("a string that ends");
}

void Scanner::skip_nested() {
    const char* const begin = position();
    std::string closers;  // of the open brackets: on the heap, beyond the first few
    do {
        const char c = cursor_.current();
        if (!is_structure(c)) {
            cursor_.step();
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
        cursor_.step();
    } while (!closers.empty() && !cursor_.at_end());
    if (!closers.empty()) {
        cursor_.go_back(begin);
        fail("brackets that close");
    }
}

void Scanner::skip_scalar() {
    const char* const begin = position();
    cursor_.skip(is_scalar_character);
    const std::string_view scalar = cursor_.since(begin);
    if (!is_number(scalar) && scalar != "null" && scalar != "true" && scalar != "false") {
        cursor_.go_back(begin);
        fail("a value");
    }
}

void Scanner::fail(std::string_view expected) const { throw MalformedRequest(path_.text() + ": not valid JSON", expected, cursor_.rest()); }

}  // namespace replicache::protocol
