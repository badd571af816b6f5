// Writes answers in JSON, member after member: there may be a failure per mutation, so there is no tree of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace replicache::protocol {

// A text as a JSON string, quotes included. What is no valid UTF-8 in it is replaced.
std::string json_text(std::string_view text);

class Writer {
public:
    void begin(char bracket) { text_ += bracket; }
    void end(char bracket) {
        if (text_.back() == ',') text_.pop_back();
        text_ += bracket;
        text_ += ',';
    }
    void name(std::string_view name) { (((text_ += '"') += name) += '"') += ':'; }
    void member(std::string_view name, std::int64_t number) { json(name, std::to_string(number)); }
    void member(std::string_view name, std::string_view text) {
        this->name(name);
        string(text);
        text_ += ',';
    }
    void member_or_null(std::string_view name, const std::optional<std::string>& text) { text ? member(name, *text) : json(name, "null"); }
    void json(std::string_view name, std::string_view value) {  // which is JSON already
        this->name(name);
        (text_ += value) += ',';
    }
    void slice(std::string_view name, std::string_view value);  // of a request: a string or a number
    std::string take() {
        text_.pop_back();  // the comma
        return std::move(text_);
    }

private:
    void string(std::string_view text);

    std::string text_;
};

}  // namespace replicache::protocol
