// The AST of a query with placeholders, which the args of a request and its user fill:
//   {"$arg":"name"}               the member of this name of the args
//   {"$arg":"name","default":1}   the same; the default if there is no such member
//   {"$arg":null}                 the args themselves
//   {"$user":true}                the id of the user
// A value is a slice of the request, so numbers keep every digit.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace replicache::protocol {

// what() names the place and the fault.
struct MalformedTemplate : std::runtime_error {
    MalformedTemplate(const std::string& message, std::string hint) : std::runtime_error(message), hint(std::move(hint)) {}
    std::string hint;
};

// Args that do not fit. what() is for the client.
struct UnfitArgs : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class QueryTemplate {
public:
    // Keeps slices of the AST. Throws MalformedTemplate.
    explicit QueryTemplate(std::string_view ast);

    // The AST of the query of this name. `args`: JSON, empty: there are none. Throws UnfitArgs.
    std::string fill(const std::string& query, std::string_view args, const std::optional<std::string>& user_id) const;

    struct Parameter {
        std::optional<std::string> name;  // nullopt: the args themselves
        std::string_view default_value;   // empty: none
    };
    // What the args fill, in the order of the AST, each once.
    std::vector<Parameter> parameters() const;

private:
    struct Placeholder {
        enum class Kind { member, args, user };
        std::string_view before;  // the text between the placeholder before it and this one
        Kind kind = Kind::user;
        std::string name{};                // of a member
        std::string_view default_value{};  // empty: none
    };
    static Placeholder read(std::string_view object, const std::string& path);

    std::vector<Placeholder> placeholders_;
    std::string_view rest_;  // the text after the last one
};

}  // namespace replicache::protocol
