#include "protocol/last_mutation_at.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "protocol/request.h"
#include "protocol/scanner.h"
#include "protocol/writer.h"

namespace replicache::protocol {

namespace {

// Leaves the parser from wherever the fault is found.
struct Refusal {
    ValidationError error;
};

[[noreturn]] void refuse(std::string message) { throw Refusal{{std::move(message)}}; }

std::string at_mutation(std::size_t index) { return " at mutation[" + std::to_string(index) + "]"; }

// Nothing when the member is no string, or none that SQL can have.
std::optional<std::string> find_text(const Object& object, std::string_view name) {
    try {
        return object.text(name);
    } catch (const MalformedRequest&) {
        return std::nullopt;
    }
}

// As it goes into a message: what a client sends is echoed, but no megabytes of it.
std::string shown(const Object& object, std::string_view name) {
    return '"' + shorten(find_text(object, name).value_or(std::string(object.find(name))), max_identifier_bytes) + '"';
}

std::string read_resource(const Object& mutation, std::size_t index, const SyncResources& resources) {
    if (mutation.find_value("resource").empty()) refuse("Missing resource" + at_mutation(index));
    auto resource = find_text(mutation, "resource");
    if (!resource || !resources.exists(*resource)) refuse("Invalid resource: " + shown(mutation, "resource") + at_mutation(index));
    return std::move(*resource);
}

RowChange::Kind read_kind(const Object& mutation, std::size_t index) {
    if (mutation.find_value("type").empty()) refuse("Missing mutation type" + at_mutation(index));
    const auto type = find_text(mutation, "type");
    if (type == "CREATE") return RowChange::Kind::insert;
    if (type == "UPDATE") return RowChange::Kind::update;
    if (type == "DELETE") return RowChange::Kind::remove;
    refuse("Invalid mutation type: " + shown(mutation, "type") + at_mutation(index));
}

std::string_view read_resource_id(const Object& mutation, std::size_t index) {
    const std::string_view id = mutation.find_value("resourceId");
    if (id.empty()) refuse("Missing resourceId" + at_mutation(index));
    if (!is_string_or_number(id))  // there can be no such row
        refuse(invalid_resource_id(index).message);
    return id;
}

std::string_view read_data(const Object& mutation, std::size_t index) {
    const std::string_view data = mutation.find_value("data");
    if (!data.starts_with('{')) refuse("Missing data" + at_mutation(index));
    return data;
}

RowChange read_mutation(const Object& mutation, std::size_t index, const SyncResources& resources) {
    RowChange change;
    change.table = read_resource(mutation, index, resources);
    change.kind = read_kind(mutation, index);
    change.source = mutation.source();
    const bool composite = resources.has_composite_key(change.table);
    if (change.kind != RowChange::Kind::insert && !composite)  // the id of a new row is the server's to assign
        change.id = read_resource_id(mutation, index);
    if (change.kind != RowChange::Kind::remove || composite) change.data = read_data(mutation, index);
    return change;
}

// Counted before any is read, as their order of checks has it, and no further than need be.
std::vector<std::string_view> split_mutations(std::string_view array, const Path& path) {
    std::vector<std::string_view> elements;
    Scanner scanner(array, path);
    scanner.open('[', "an array");
    if (!scanner.take(']')) {
        do {
            if (elements.size() == max_sync_mutations) refuse("Mutations must not exceed " + std::to_string(max_sync_mutations));
            elements.push_back(scanner.value());
        } while (scanner.take(','));
        scanner.expect(']', R"("," or "]")");
    }
    return elements;
}

std::vector<RowChange> read_push(std::string_view text, const SyncResources& resources) {
    const Path path("push");
    Scanner scanner(text, path);
    if (!scanner.at('{')) {
        scanner.value();
        scanner.expect_end();
        refuse("Invalid mutations");
    }
    const std::string_view array = Object(text, path).find("mutations");
    if (!array.starts_with('[')) refuse("Invalid mutations");
    std::vector<RowChange> changes;
    for (const std::string_view element : split_mutations(array, "push.mutations")) {
        const std::size_t index = changes.size();
        // A value that is no object has no members.
        const std::string_view members = element.starts_with('{') ? element : "{}";
        changes.push_back(read_mutation(Object(members, Path("push.mutations", index)), index, resources));
    }
    return changes;
}

std::string_view name_of(RowChange::Kind kind) {
    switch (kind) {
        case RowChange::Kind::insert: return "CREATE";
        case RowChange::Kind::remove: return "DELETE";
        default: return "UPDATE";
    }
}

void write_mutations(Writer& writer, const std::vector<SyncMutation>& mutations) {
    writer.name("mutations");
    writer.begin('[');
    for (const auto& mutation : mutations) {
        writer.begin('{');
        writer.member("resource", mutation.resource);
        if (!mutation.id.empty()) writer.json("resourceId", mutation.id);
        writer.member("type", name_of(mutation.kind));
        writer.json("data", mutation.data);
        writer.member("timestamp", mutation.timestamp);
        writer.end('}');
    }
    writer.end(']');
}

template <typename WriteMore>  // write_more(writer), behind the head
std::string success_answer(std::int64_t head, WriteMore write_more) {
    Writer writer;
    writer.begin('{');
    writer.json("success", "true");
    writer.name("data");
    writer.begin('{');
    writer.member("lastMutationAt", head);
    write_more(writer);
    writer.end('}');
    writer.end('}');
    return writer.take();
}

std::string error_answer(std::string_view code, std::string_view message) {
    Writer writer;
    writer.begin('{');
    writer.json("success", "false");
    writer.name("error");
    writer.begin('{');
    writer.member("code", code);
    writer.member("message", message);
    writer.end('}');
    writer.end('}');
    return writer.take();
}

}  // namespace

std::variant<std::vector<RowChange>, ValidationError> parse_sync_push(std::string_view text, const SyncResources& resources) {
    try {
        return read_push(text, resources);
    } catch (Refusal& refusal) {
        return std::move(refusal.error);
    }
}

ValidationError invalid_resource_id(std::size_t index) { return {"Invalid resourceId" + at_mutation(index)}; }

ValidationError invalid_data(std::size_t index, std::string_view reason) {
    return {"Invalid data" + at_mutation(index) + ": " + std::string(reason)};
}

std::string sync_push_answer(std::int64_t head, const std::vector<SyncMutation>& mutations) {
    return success_answer(
        head, [&](Writer& writer) { write_mutations(writer, mutations); });
}

std::string sync_pull_answer(const SyncPage& page) {
    return success_answer(
        page.head,
        [&](Writer& writer) {
            write_mutations(writer, page.mutations);
            writer.member("page", page.page);
            writer.member("limit", page.limit);
            writer.member("total", page.total);
            writer.json("hasMore", page.has_more ? "true" : "false");
        });
}

std::string sync_metadata_answer(std::int64_t head) {
    return success_answer(
        head, [](Writer&) {});
}

std::string out_of_sync_answer() {
    return error_answer("OutOfSyncError", "Invalid lastMutationAt, please re-sync your data and try again.");
}

std::string first_sync_answer() {
    return error_answer("OutOfSyncError", "First sync detected. Please use lastMutationAt=-1 for initial sync.");
}

std::string validation_error_answer(const ValidationError& error) { return error_answer("ValidationError", error.message); }

}  // namespace replicache::protocol
