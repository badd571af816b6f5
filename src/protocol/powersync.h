// PowerSync's wire format of uploads: request → upload, results → answer. The answer is that of the write API of
// PowerSync's reference implementation, whatever the shape of the request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/row_change.h"
#include "protocol/request.h"

namespace replicache::protocol {

inline constexpr std::size_t max_transactions = 50;         // of the shape that lists transactions, as its contract says
inline constexpr std::size_t max_upload_entries = 100'000;  // of a request; a client cannot divide a transaction

// Ids, data and old values are slices of the text. So is the source of each entry, which has its metadata, too.
Upload parse_upload(std::string_view text);

// One result per transaction, in the same order.
std::string upload_answer(const Upload& upload, const std::vector<TransactionResult>& results);

}  // namespace replicache::protocol
