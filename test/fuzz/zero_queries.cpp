// Zero's requests for queries, and the templates of queries.
#include "protocol/zero_queries.h"

#include <set>

#include "fuzz.h"
#include "protocol/query_template.h"
#include "protocol/zero_shape.h"

namespace replicache::fuzz {

namespace {

using protocol::QueryTemplate;

bool queries_are_valid(const Json& request) {
    try {
        require(request.is_array() && request.size() == 2 && request[0] == "transform" && request[1].is_array());
        for (const Json& query : request[1]) {
            require(query.is_object() && query.size() == 3);
            const Json *id = member(query, "id"), *name = member(query, "name"), *args = member(query, "args");
            require(id != nullptr && id->is_string() && args != nullptr && args->is_array());
            text_of(name);
        }
        return true;
    } catch (const Refused&) {
        return false;
    }
}

// Whether an object has the same name twice: then json_of tells too little of it.
bool has_twins(std::string_view text) {
    bool twins = false;
    std::vector<std::set<std::string>> names;
    const auto count = [&](int, Json::parse_event_t event, Json& value) {
        if (event == Json::parse_event_t::object_start) names.emplace_back();
        if (event == Json::parse_event_t::object_end) names.pop_back();
        if (event == Json::parse_event_t::key) twins |= !names.back().insert(value.get<std::string>()).second;
        return true;
    };
    static_cast<void>(Json::parse(text, count, false));
    return twins;
}

bool is_operand(const Json& value) {
    const auto is_element = [](const Json& element) { return element.is_string() || element.is_number() || element.is_boolean(); };
    return value.is_null() || is_element(value) || (value.is_array() && std::all_of(value.begin(), value.end(), is_element));
}

// What a template should become.
struct Model {
    const Json* args;  // null: there are none
    bool fits = true;

    Json placeholder(const Json& object) {
        const Json *arg = member(object, "$arg"), *user = member(object, "$user"), *value = member(object, "default");
        if (user != nullptr) {
            require(object.size() == 1 && *user == true);
            return "ann";
        }
        require(arg != nullptr && object.size() == (value == nullptr ? 1 : 2));
        require(arg->is_null() || arg->is_string());
        require(value == nullptr || is_operand(*value));
        if (arg->is_null()) {
            if (args != nullptr) value = args;
        } else if (const std::string name = text_of(arg); args != nullptr && !args->is_null()) {
            fits &= args->is_object();
            if (const Json* given = args->is_object() ? member(*args, name.c_str()) : nullptr) value = given;
        }
        fits &= value != nullptr && is_operand(*value);
        return value == nullptr ? Json() : *value;
    }

    Json fill(const Json& value, bool is_query, bool is_table) {
        if (value.is_object()) {
            bool special = false;
            for (const auto& [name, element] : value.items()) {
                require(name.find('\0') == std::string::npos);
                special |= name.starts_with('$');
            }
            require(!special || !is_table);
            Json filled = Json::object();
            for (const auto& [name, element] : value.items()) filled[name] = fill(element, name == "subquery", is_query && name == "table");
            return special ? placeholder(value) : filled;
        }
        if (!value.is_array()) return value;
        Json filled = Json::array();
        for (const Json& element : value) filled.push_back(fill(element, false, false));
        return filled;
    }
};

bool is_too_much(std::string_view message) { return message.ends_with("at most 100 members, got more"); }

}  // namespace

void queries(std::string_view text) {
    const auto verdict = parsed(text, protocol::parse_zero_queries);
    if (!verdict) return;
    const auto& result = *verdict;
    if (result)
        for (const auto& query : *result)
            for (const std::string_view slice : {query.id, query.quoted_name, query.args}) check_within(slice, text);
    const auto request = json_of(text);
    if (!request) return;
    check(result.has_value() == queries_are_valid(*request), "a request is accepted if it is well-formed");
    if (!result) return;
    const Json& expected = (*request)[1];
    check(result->size() == expected.size(), "all queries are there");
    std::vector<QueryResult> results;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto& query = (*result)[i];
        check(json_of(query.id) == expected[i]["id"] && query.name == expected[i]["name"].get_ref<const std::string&>(), "id, name");
        const Json& args = expected[i]["args"];
        check(args.empty() ? query.args.empty() : json_of(query.args) == args[0], "the first of the args");
        results.push_back(i % 2 == 0 ? QueryResult{.ast = "{}"} : QueryResult{.failure = Failure{"P0001", query.name, query.name, {}}});
    }
    const auto answer = json_of(protocol::zero_queries_answer(*result, results, std::nullopt));
    check(answer && (*answer)["queries"].size() == expected.size(), "the answer is JSON");
    for (std::size_t i = 0; i < expected.size(); ++i)
        check((*answer)["queries"][i]["id"] == expected[i]["id"] && (*answer)["queries"][i]["name"] == expected[i]["name"],
              "the answer names it");
}

// The text is [template, args], or a template alone.
void query_template(std::string_view text) {
    std::vector<std::string_view> parts;
    try {
        if (text.starts_with('['))
            protocol::for_each_element(
                text, "test", [&](std::string_view part, const protocol::Extent&) { parts.push_back(part); });
    } catch (const protocol::MalformedRequest&) {
        return;
    }
    if (parts.empty()) parts.push_back(text);
    const std::string_view args = parts.size() > 1 ? parts[1] : std::string_view();
    std::optional<std::string> filled;
    bool accepted = false;
    try {
        const QueryTemplate read(parts[0]);
        accepted = true;
        filled = read.fill("q", args, "ann");
    } catch (const protocol::MalformedTemplate& error) {
        check(*error.what() != '\0' && !error.hint.empty(), "a message says something");
        if (is_too_much(error.what())) return;
    } catch (const protocol::UnfitArgs& error) {
        check(*error.what() != '\0', "a message says something");
        if (is_too_much(error.what())) return;
    }
    const auto ast = json_of(parts[0]), values = args.empty() ? std::optional<Json>() : json_of(args);
    if (!ast || (!args.empty() && !values) || has_twins(parts[0])) return;
    Model model{values ? &*values : nullptr};
    try {
        require(ast->is_object() && member(*ast, "table") != nullptr && member(*ast, "table")->is_string());
        for (const auto& [name, element] : ast->items()) require(!name.starts_with('$'));
        const Json expected = model.fill(*ast, true, false);
        check(accepted, "a well-formed template is accepted");
        check(filled.has_value() == model.fits, "args that fit are accepted");
        if (filled) check(json_of(*filled) == expected, "the template is filled");
    } catch (const Refused&) {
        check(!accepted, "a malformed template is refused");
    }
}

}  // namespace replicache::fuzz
