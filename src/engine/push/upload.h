// Uploads: client transactions of row changes, each applied whole or not at all.
#pragma once

#include "model/row_change.h"
#include "pg/border.h"

namespace replicache::engine {

// Everything happens in the calling transaction. Returns one result per client transaction, in order. After an exception the caller must
// roll back.
std::vector<TransactionResult> upload(const Upload& upload, const std::optional<std::string>& user_id);

}  // namespace replicache::engine
