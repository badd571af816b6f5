#include "protocol/query_template.h"

#include "base/json_cursor.h"
#include "base/text.h"
#include "protocol/request.h"
#include "protocol/writer.h"

#include <algorithm>

namespace replicache::protocol {

namespace {

constexpr std::string_view placeholders =
    R"(Placeholders are {"$arg":"name"}, {"$arg":"name","default":1}, {"$arg":null} and {"$user":true}.)";

[[noreturn]] void malformed(const std::string& path, const std::string& fault) {
    throw MalformedTemplate(path + ": " + fault, std::string(placeholders));
}

[[noreturn]] void no_query(const std::string& fault) {
    throw MalformedTemplate(fault, R"(Pass the AST of a query, such as {"table":"todo","orderBy":[["id","asc"]]}.)");
}

bool is_element(std::string_view value) { return !value.starts_with('{') && !value.starts_with('[') && value != "null"; }

// A value that Zero compares columns with, or null.
bool is_operand(std::string_view value) {
    if (!value.starts_with('[')) return value == "null" || is_element(value);
    bool all = true;
    for_each_element(value, "", [&](std::string_view element, const Extent&) { all = all && is_element(element); });
    return all;
}
constexpr std::string_view operand = "a string, a number, a boolean, null, or an array of strings, numbers and booleans";

// A container that is open.
struct Frame {
    std::size_t begin;
    bool is_object;
    bool is_special = false;  // some member's name starts with $
    std::string member{};     // the name of the current member, if it is an object
    std::size_t index = 0;    // of the current element, if it is an array
};

// Of the container that has just been closed, or of the current value.
std::string path_of(const std::vector<Frame>& frames) {
    std::string path = "ast";
    for (const Frame& frame : frames) path += frame.is_object ? "." + frame.member : "[" + std::to_string(frame.index) + "]";
    return path;
}

// Whether the current value is the table of a query. Clients may not choose it.
bool is_table(const std::vector<Frame>& frames) {
    if (!frames.back().is_object || frames.back().member != "table") return false;
    return frames.size() == 1 || (frames[frames.size() - 2].is_object && frames[frames.size() - 2].member == "subquery");
}

}  // namespace

QueryTemplate::Placeholder QueryTemplate::read(std::string_view object, const std::string& path) {
    Placeholder read;
    bool other = false;
    const Path place = path;
    Scanner scanner(object, place);
    scanner.open('{', "an object");
    std::string_view arg, user;
    do {
        const std::string name = to_text(scanner.string(), place);
        scanner.expect(':', R"(":")");
        const std::string_view value = scanner.value();
        if (name == "$arg")
            arg = value;
        else if (name == "$user")
            user = value;
        else if (name == "default")
            read.default_value = value;
        else if (name.starts_with('$'))
            malformed(path, "unknown placeholder \"" + name + "\"");
        else
            other = true;
    } while (scanner.take(','));
    if (other || (!user.empty() && (!arg.empty() || !read.default_value.empty()))) malformed(path, "a placeholder has other members");
    if (!user.empty()) {
        if (user != "true") malformed(path, R"("$user" must be true)");
        return read;
    }
    if (!arg.starts_with('"') && arg != "null") malformed(path, R"("$arg" must be a string or null)");
    if (!read.default_value.empty() && !is_operand(read.default_value)) malformed(path, R"("default" must be )" + std::string(operand));
    read.kind = arg == "null" ? Placeholder::Kind::args : Placeholder::Kind::member;
    if (read.kind == Placeholder::Kind::member) read.name = to_text(arg, place);
    return read;
}

// Goes over the text once: queries may be nested deeply.
QueryTemplate::QueryTemplate(std::string_view ast) try {
    const std::string_view text = trim(ast, is_json_whitespace);
    if (!text.starts_with('{')) no_query("ast must be an object");
    const std::string_view table = Object(text, "ast").find("table");
    if (table.empty()) no_query("ast lacks \"table\"");
    JsonCursor cursor(text);
    std::vector<Frame> frames;
    bool at_name = false;
    std::size_t end = 0;  // of the last placeholder
    while (!cursor.at_end()) {
        const char c = cursor.current();
        const auto position = static_cast<std::size_t>(cursor.position() - text.data());
        if (c == '"') {
            const char* const begin = cursor.position();
            if (!cursor.skip_string()) break;
            if (at_name && !frames.empty()) {
                frames.back().member = to_text(cursor.since(begin), "ast");
                frames.back().is_special |= frames.back().member.starts_with('$');
            }
            continue;
        }
        cursor.step();
        if (c == '{' || c == '[') {
            frames.push_back({.begin = position, .is_object = c == '{'});
            at_name = c == '{';
        } else if (c == ':') {
            at_name = false;
        } else if (c == ',' && !frames.empty()) {
            at_name = frames.back().is_object;
            ++frames.back().index;
        } else if ((c == '}' || c == ']') && !frames.empty()) {
            const Frame closed = std::move(frames.back());
            frames.pop_back();
            if (!closed.is_special) continue;
            const std::string path = path_of(frames);
            Placeholder placeholder = read(text.substr(closed.begin, position + 1 - closed.begin), path);
            if (frames.empty()) no_query("ast is a placeholder");
            if (is_table(frames)) malformed(path, "clients may not choose the table");
            placeholder.before = text.substr(end, closed.begin - end);
            end = position + 1;
            placeholders_.push_back(std::move(placeholder));
        }
    }
    if (!table.starts_with('"')) no_query("ast.table must be a string");
    rest_ = text.substr(end);
} catch (const MalformedRequest& error) {
    no_query(error.what());
}

// A parameter that one of its placeholders gives no default is required.
std::vector<QueryTemplate::Parameter> QueryTemplate::parameters() const {
    std::vector<Parameter> result;
    for (const Placeholder& placeholder : placeholders_) {
        if (placeholder.kind == Placeholder::Kind::user) continue;
        Parameter parameter{.name = std::nullopt, .default_value = placeholder.default_value};
        if (placeholder.kind == Placeholder::Kind::member) parameter.name = placeholder.name;
        const auto known = std::find_if(result.begin(), result.end(), [&](const Parameter& p) { return p.name == parameter.name; });
        if (known == result.end())
            result.push_back(std::move(parameter));
        else if (parameter.default_value.empty())
            known->default_value = {};
    }
    return result;
}

std::string QueryTemplate::fill(const std::string& query, std::string_view args, const std::optional<std::string>& user_id) const try {
    using Kind = Placeholder::Kind;
    const std::string args_of_query = "args of query \"" + query + "\"";
    std::optional<Object> members;
    std::string user, filled;
    for (const Placeholder& placeholder : placeholders_) {
        filled += placeholder.before;
        if (placeholder.kind == Kind::user) {
            if (user.empty()) user = user_id ? json_text(*user_id) : "null";
            filled += user;
            continue;
        }
        std::string_view value = args;
        if (placeholder.kind == Kind::member) {
            value = {};
            if (!args.empty() && args != "null") {
                if (!args.starts_with('{')) throw UnfitArgs(args_of_query + " must be an object");
                if (!members) members.emplace(args, "args");
                value = members->find(placeholder.name);
            }
        }
        if (value.empty()) value = placeholder.default_value;
        if (value.empty())
            throw UnfitArgs(placeholder.kind == Kind::args ? args_of_query + " are missing"
                                                           : args_of_query + " lack \"" + placeholder.name + "\"");
        if (!is_operand(value))
            throw UnfitArgs(args_of_query + ": " + (placeholder.kind == Kind::args ? "they" : "\"" + placeholder.name + "\"") +
                            " must be " + std::string(operand));
        filled += value;
    }
    return filled += rest_;
} catch (const MalformedRequest& error) {
    throw UnfitArgs("args of query \"" + query + "\" do not fit: " + error.what());
}

}  // namespace replicache::protocol
