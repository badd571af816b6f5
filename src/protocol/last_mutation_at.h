// The wire format of the lastMutationAt protocol: push → row changes, outcomes → answers. A push that breaks the protocol is
// answered (422), not raised.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/last_mutation_at.h"
#include "protocol/malformed.h"

namespace replicache::protocol {

inline constexpr std::size_t max_sync_mutations = 100;  // of a push

// The facts about resources that the parser needs. The second function is called only for names that the first one accepts.
struct SyncResources {
    std::function<bool(std::string_view resource)> exists;
    std::function<bool(std::string_view resource)> has_composite_key;  // its rows have no resourceId: the key stands in data
};

struct ValidationError {
    std::string message;
};

// Of each change: kind insert, update or remove; table, the resource; id, a string or a number, for update and remove unless the
// key is composite; data, an object, for insert and update, and for remove when the key is composite. Slices of the text. The
// rest is empty. Throws MalformedRequest for what is not JSON.
std::variant<std::vector<RowChange>, ValidationError> parse_sync_push(std::string_view text, const SyncResources& resources);

// The answer if the mutation with this index names no row of the user. Only the engine can tell.
ValidationError invalid_resource_id(std::size_t index);
// Its data is refused by the database, which says why. The protocol has no message of its own for that.
ValidationError invalid_data(std::size_t index, std::string_view reason);

// Bodies of answers with status 200.
std::string sync_push_answer(std::int64_t head, const std::vector<SyncMutation>& mutations);
std::string sync_pull_answer(const SyncPage& page);
std::string sync_metadata_answer(std::int64_t head);

// 409: the head is another; or there is none, and the client believes that there is.
std::string out_of_sync_answer();
std::string first_sync_answer();

// 422.
std::string validation_error_answer(const ValidationError& error);

}  // namespace replicache::protocol
