// Uploads: client transactions of row changes, each applied whole or not at all.
#pragma once

#include "model/row_change.h"
#include "pg/border.h"

namespace replicache::engine {

// Everything happens in the calling transaction. One result per client transaction, in order. Throws what the caller must roll
// back for.
std::vector<TransactionResult> upload(const Upload& upload, const std::optional<std::string>& user_id);

}  // namespace replicache::engine
