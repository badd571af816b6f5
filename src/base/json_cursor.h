// A place in JSON text: what the scanner of requests (protocol/scanner.h) and the reader of validated JSON (pg/json/json_reader.h) share.
//
// It reads nothing beyond the end, whatever the text is. It raises nothing and has no destructor, so it is fit for what runs guarded.
#pragma once

#include <cstring>
#include <string_view>

namespace replicache {

constexpr bool is_json_whitespace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

class JsonCursor {
public:
    explicit JsonCursor(std::string_view text) : position_(text.data()), end_(text.data() + text.size()) {}

    const char* position() const { return position_; }
    std::string_view rest() const { return between(position_, end_); }
    // From there to here.
    std::string_view since(const char* begin) const { return between(begin, position_); }

    bool at_end() const { return position_ == end_; }
    bool at(char c) const { return position_ != end_ && *position_ == c; }
    // Not at the end.
    char current() const { return *position_; }
    void step() { ++position_; }

    void go_back(const char* position) { position_ = position; }
    void go_to_end() { position_ = end_; }

    template <class Is>
    void skip(Is is) {
        while (position_ != end_ && is(*position_)) ++position_;
    }

    // At a quote: moves on behind the quote that closes the string. False, and stays, if none does.
    //
    // It goes from quote to quote, since memchr is much faster than a look at every character. A quote ends the string unless an odd
    // number of backslashes comes before it.
    bool skip_string() {
        for (const char* next = position_ + 1; next < end_;) {
            const auto* const quote = static_cast<const char*>(std::memchr(next, '"', static_cast<std::size_t>(end_ - next)));
            if (quote == nullptr) return false;
            const char* escape = quote;
            while (escape[-1] == '\\') --escape;
            next = quote + 1;
            if ((quote - escape) % 2 == 0) {
                position_ = next;
                return true;
            }
        }
        return false;
    }

private:
    static std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

    const char* position_;
    const char* end_;
};

}  // namespace replicache
