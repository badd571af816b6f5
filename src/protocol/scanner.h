// Finds where JSON values begin and end, without decoding them. Inside a nested value it checks only brackets and quotes, because
// PostgreSQL has validated the text before. There is no recursion, so depth costs no stack.
#pragma once

#include <string>
#include <string_view>

#include "base/json_cursor.h"
#include "protocol/malformed.h"

namespace replicache::protocol {

// A cursor. Each step skips leading whitespace and throws MalformedRequest when the text has something else there.
class Scanner {
public:
    Scanner(std::string_view text, const Path& path) : cursor_(text), path_(path) {}

    void open(char bracket, std::string_view expected_type);
    bool at(char character);    // is it the next?
    bool take(char character);  // moves on only if it is the next
    void expect(char character, std::string_view expected);
    void expect_end();

    std::string_view string();  // with its quotes
    std::string_view value();
    const char* position() const { return cursor_.position(); }

private:
    void skip_whitespace() { cursor_.skip(is_json_whitespace); }
    void skip_string();
    void skip_nested();
    void skip_scalar();
    [[noreturn]] void fail(std::string_view expected) const;

    JsonCursor cursor_;
    const Path& path_;
};

}  // namespace replicache::protocol
