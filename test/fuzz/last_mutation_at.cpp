// Pushes of the lastMutationAt protocol against docs/last_mutation_at.md.
#include "protocol/last_mutation_at.h"

#include "fuzz.h"

namespace replicache::fuzz {

namespace {

const protocol::SyncResources resources = {
    .exists = [](std::string_view name) { return name == "NOTE" || name == "PAIR"; },
    .has_composite_key = [](std::string_view name) { return name == "PAIR"; },
};

// Refused for what is answered with 422; `change` is null to learn that.
void compare(const Json& mutation, const RowChange* change) {
    require(mutation.is_object());
    const std::string resource = text_of(member_or_null(mutation, "resource"));
    require(resources.exists(resource));
    const std::string type = text_of(member_or_null(mutation, "type"));
    require(type == "CREATE" || type == "UPDATE" || type == "DELETE");
    const bool composite = resources.has_composite_key(resource);
    const bool has_id = type != "CREATE" && !composite, has_data = type != "DELETE" || composite;
    if (has_id) {
        const Json* id = member_or_null(mutation, "resourceId");
        require(id != nullptr && (id->is_string() || id->is_number()));
    }
    if (has_data) {
        const Json* data = member(mutation, "data");
        require(data != nullptr && data->is_object());
    }
    if (change == nullptr) return;
    using Kind = RowChange::Kind;
    check(change->kind == (type == "CREATE" ? Kind::insert : type == "UPDATE" ? Kind::update : Kind::remove), "type");
    check(change->table == resource, "resource");
    check(json_of(change->source) == mutation, "source");
    check(change->id.empty() != has_id && change->data.empty() != has_data, "id and data are there where they are wanted");
    if (has_id) check_slice(change->id, mutation, "resourceId");
    if (has_data) check_slice(change->data, mutation, "data");
}

bool is_valid(const Json& request) {
    try {
        const Json* mutations = request.is_object() ? member(request, "mutations") : nullptr;
        require(mutations != nullptr && mutations->is_array() && mutations->size() <= protocol::max_sync_mutations);
        for (const Json& mutation : *mutations) compare(mutation, nullptr);
        return true;
    } catch (const Refused&) {
        return false;
    }
}

}  // namespace

void sync(std::string_view text) {
    const auto verdict = parsed(text, [](std::string_view body) { return protocol::parse_sync_push(body, resources); });
    if (!verdict) return;
    const auto& result = *verdict;
    const auto* changes = result ? std::get_if<std::vector<RowChange>>(&*result) : nullptr;
    if (changes != nullptr)
        for (const auto& change : *changes)
            for (const std::string_view slice : {change.id, change.data, change.source}) check_within(slice, text);
    if (const auto* error = result ? std::get_if<protocol::ValidationError>(&*result) : nullptr) {
        check(!error->message.empty() && error->message.size() < 4 * protocol::max_identifier_bytes, "a message is neither empty nor long");
        check(Json::accept(protocol::validation_error_answer(*error)), "an answer is JSON");
    }
    const auto request = json_of(text);
    if (!request) return;
    check(result.has_value(), "what is JSON gets an answer");
    const bool valid = is_valid(*request);
    check((changes != nullptr) == valid, "a push is accepted if it is well-formed");
    if (!valid) return;
    const Json& mutations = (*request)["mutations"];
    check(changes->size() == mutations.size(), "the push has all mutations");
    for (std::size_t i = 0; i < mutations.size(); ++i) compare(mutations[i], &(*changes)[i]);
}

}  // namespace replicache::fuzz
