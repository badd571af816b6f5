// The errors on record: why which mutation was rejected.
#pragma once

#include "engine/session/client.h"
#include "model/batch.h"
#include "model/row_change.h"

namespace replicache::engine {

void store_rejections(const Batch& batch, const std::vector<Rejection>& rejections, const ClientGroup& group);

// The mutator that a change of an upload calls, or what it does: "note.update".
std::string name_of(const RowChange& change);

// A rejected client transaction is kept whole: args are {"crud":[…]} with all its changes.
void store_rejections(const Upload& upload, const std::vector<TransactionResult>& results, const std::optional<std::string>& user_id);

// What became of a transaction that was processed before: a success, unless it is on record.
TransactionResult find_rejection(const Upload& upload, const ClientTransaction& transaction, const std::optional<std::string>& user_id);

}  // namespace replicache::engine
