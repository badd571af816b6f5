#include "protocol/zero_queries.h"

#include <array>

#include "base/text.h"
#include "protocol/writer.h"
#include "protocol/zero_error.h"
#include "protocol/zero_shape.h"

namespace replicache::protocol {

namespace {

// The members of a query, in the order of the first time that each is there. Of a name that comes twice, the last value counts.
struct Members {
    struct Member {
        std::string_view name, type;
        std::string_view value{};
    };
    std::array<Member, 3> known{{{"id", "string"}, {"name", "string"}, {"args", "array"}}};
    std::vector<const Member*> order{};
    std::vector<std::string> unexpected{};

    void add(std::string_view quoted_name, std::string_view value) {
        for (Member& member : known)
            if (is_string(quoted_name, member.name)) {
                if (member.value.empty()) order.push_back(&member);
                member.value = value;
                return;
            }
        std::string name(quoted_name.substr(1, quoted_name.size() - 2));
        if (std::find(unexpected.begin(), unexpected.end(), name) == unexpected.end()) unexpected.push_back(std::move(name));
    }
};

constexpr std::size_t most_listed = 200;  // bytes of names in a message

std::string list_of(const std::vector<std::string>& names) {
    std::string list;
    for (std::size_t i = 0; i < names.size(); ++i) list += (i == 0 ? "" : i + 1 < names.size() ? ", " : " and ") + names[i];
    return shorten(list, most_listed);
}

// Zero's library looks at the members that are there, then for those that are missing, and then at those that it does not know.
void check(const Members& members, const std::string& path) {
    for (const auto* member : members.order)
        if (!member->value.starts_with(member->type == "array" ? '[' : '"'))
            unexpected_by_zero(member->type, path + "." + std::string(member->name), member->value);
    for (const auto& member : members.known)
        if (member.value.empty()) throw MalformedRequest("Missing property " + std::string(member.name) + " at " + path);
    if (!members.unexpected.empty())
        throw MalformedRequest((members.unexpected.size() == 1 ? "Unexpected property " : "Unexpected properties ") +
                               list_of(members.unexpected) + " at " + path);
}

ZeroQuery read_query(std::string_view query, const std::string& path) {
    if (!query.starts_with('{')) unexpected_by_zero("object", path, query);
    const Path place = path;
    Scanner scanner(query, place);
    scanner.open('{', "an object");
    Members members;
    if (!scanner.take('}')) {
        do {
            const std::string_view name = scanner.string();
            scanner.expect(':', R"(":")");
            members.add(name, scanner.value());
            if (members.unexpected.size() > max_members)
                throw MalformedRequest(place, "at most " + std::to_string(max_members) + " members", "more");
        } while (scanner.take(','));
        scanner.expect('}', R"("," or "}")");
    }
    check(members, path);
    const auto& [id, name, args] = members.known;
    return {.id = id.value, .quoted_name = name.value, .name = to_text(name.value, path + ".name"), .args = first_element(args.value)};
}

}  // namespace

std::vector<ZeroQuery> parse_zero_queries(std::string_view text) {
    const Path whole = "request";
    Scanner scanner(text, whole);
    const std::string_view request = scanner.value();
    scanner.expect_end();
    if (!request.starts_with('[')) unexpected_by_zero("array", "", request);
    std::array<std::string_view, 2> parts;
    std::size_t length = 0;
    for_each_element(request, whole, [&](std::string_view part, const Extent&) {
        if (length < parts.size()) parts[length] = part;
        ++length;
    });
    if (length != parts.size()) throw MalformedRequest("Expected array with length 2. Got array with length " + std::to_string(length));
    if (!is_string(parts[0], "transform"))
        throw MalformedRequest(R"(Expected literal value "transform" at 0 Got )" + shown_by_zero(parts[0]));
    if (!parts[1].starts_with('[')) unexpected_by_zero("array", "1", parts[1]);
    std::vector<ZeroQuery> queries;
    for_each_element(parts[1], "1", [&](std::string_view query, const Extent& read) {
        read.make_room(queries);
        queries.push_back(read_query(query, "1." + std::to_string(queries.size())));
    });
    return queries;
}

std::string zero_queries_malformed(const MalformedRequest& error) {
    Writer writer;
    writer.begin('{');
    writer.member("kind", "TransformFailed");
    writer.member("origin", "server");
    writer.member("reason", "parse");
    writer.member("message", "Failed to parse query request: " + std::string(error.what()));
    writer.json("queryIDs", "[]");
    writer.json("details", R"({"name":"TypeError"})");
    writer.end('}');
    return writer.take();
}

std::string zero_queries_answer(const std::vector<ZeroQuery>& queries, const std::vector<QueryResult>& results,
                                const std::optional<std::string>& user_id) {
    Writer writer;
    writer.begin('{');
    writer.member("kind", "QueryResponse");
    writer.name("queries");
    writer.begin('[');
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const auto& [ast, failure] = results.at(i);
        writer.begin('{');
        if (failure) writer.member("error", "app");
        writer.slice("id", queries[i].id);
        writer.slice("name", queries[i].quoted_name);
        if (failure) {
            writer.member("message", failure->message);
            write_zero_details(writer, *failure);
        } else {
            writer.json("ast", ast);
        }
        writer.end('}');
    }
    writer.end(']');
    writer.member_or_null("userID", user_id);
    writer.end('}');
    return writer.take();
}

}  // namespace replicache::protocol
