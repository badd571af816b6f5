// The table replicache.mutation_error: which mutations were rejected, and why.
#pragma once

#include "engine/session/client.h"
#include "model/batch.h"
#include "model/row_change.h"

namespace replicache::engine {

void store_rejections(const Batch& batch, const std::vector<Rejection>& rejections, const ClientGroup& group);

// The name of the mutator that a change of an upload calls. Otherwise table and operation, such as "note.update".
std::string name_of(const RowChange& change);

// Stores each rejected client transaction as a whole. Its args are {"crud":[…]} with all its changes.
void store_rejections(const Upload& upload, const std::vector<TransactionResult>& results, const std::optional<std::string>& user_id);

// The result of a transaction that was processed before: a rejection if the table has it, else a success.
TransactionResult find_rejection(const Upload& upload, const ClientTransaction& transaction, const std::optional<std::string>& user_id);

}  // namespace replicache::engine
