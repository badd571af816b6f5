// Clients that upload changes of rows: how far their changes have been processed.
#pragma once

#include "model/row_change.h"
#include "pg/table.h"

namespace replicache::engine {

// Its row is locked until the end of the transaction. So when the same upload comes twice at once, the second one waits.
class UploadClient {
public:
    // Without a client_id, nothing is known about the client.
    UploadClient(const std::optional<std::string>& client_id, const std::optional<std::string>& user_id);

    bool has_processed(const RowChange& change) const { return change.number != 0 && change.number <= last_number_; }
    void processed(const ClientTransaction& transaction) {
        for (const RowChange& change : transaction.changes) last_number_ = std::max(last_number_, change.number);
    }
    // Writes down how far that is, and that the client was here.
    void store(const std::optional<std::int64_t>& checkpoint);

private:
    void lock(pg::Table& table);

    std::optional<std::string> client_id_;
    std::string user_id_;       // as the table has it
    HeapTuple row_ = nullptr;   // locked
    std::uint64_t writes_ = 0;  // how many writes of this backend the row is from
    std::optional<std::int64_t> checkpoint_;
    std::int64_t last_number_ = 0;
};

}  // namespace replicache::engine
