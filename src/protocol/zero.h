// Zero's mutate endpoint: request → push, outcome → answer. As of @rocicorp/zero 1.9.0, zero-server/src/process-mutations.ts.
#pragma once

#include "model/zero.h"
#include "protocol/malformed.h"

namespace replicache::protocol {

// Why a push is answered before it gets to the engine.
struct ZeroRefusal {
    std::string reason;
    std::string message;
};

// The mutations' args are slices of the text. Throws MalformedRequest in the words of Zero's library.
// `refusal`: set if the version of the push is not supported. The mutations are there nevertheless: their ids go into the answer.
ZeroPush parse_zero_push(std::string_view text, std::optional<ZeroRefusal>& refusal);

// The answer to what is no push, or has no parameter of this name in its URL.
std::string zero_malformed(const MalformedRequest& error);
std::string zero_parameter_missing(const ZeroPush& push, std::string_view name);
std::string zero_refused(const ZeroPush& push, const ZeroRefusal& refusal);

std::string zero_answer(const ZeroPush& push, const ZeroOutcome& outcome, const std::optional<std::string>& user_id);

// The result of a rejected mutation, as the client gets it.
std::string zero_app_error(const Failure& failure);

}  // namespace replicache::protocol
