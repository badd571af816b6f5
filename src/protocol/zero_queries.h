// Zero's query endpoint: request → queries by name, their ASTs → answer. As of @rocicorp/zero 1.9.0,
// zero-server/src/queries/process-queries.ts.
#pragma once

#include "model/query.h"
#include "protocol/request.h"

namespace replicache::protocol {

struct ZeroQuery {
    std::string_view id;           // a JSON string, as the client wrote it
    std::string_view quoted_name;  // likewise
    std::string name;
    std::string_view args;  // JSON: the first of the args; empty: there are none
};

// The slices are of the text. Throws MalformedRequest in the words of Zero's library.
std::vector<ZeroQuery> parse_zero_queries(std::string_view text);

// The answer to a malformed request.
std::string zero_queries_malformed(const MalformedRequest& error);

// A result for each query.
std::string zero_queries_answer(const std::vector<ZeroQuery>& queries, const std::vector<QueryResult>& results,
                                const std::optional<std::string>& user_id);

}  // namespace replicache::protocol
