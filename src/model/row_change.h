// Changes of single rows, as the protocols that know no mutators hand them to the engine. Standard C++ only, like batch.h.
#pragma once

#include "model/batch.h"

namespace replicache {

struct RowChange {
    enum class Kind {
        insert,  // a new row; one that is there already is an error
        upsert,  // the row becomes what data says: PUT
        update,  // of the columns in data; without effect when there is no such row: PATCH
        remove,  // without effect when there is no such row: DELETE
    };
    Kind kind = Kind::upsert;
    std::string table;          // as clients call it
    std::string_view id;        // JSON: of the key column; empty: stands in data
    std::string_view data;      // JSON object, as the client wrote it; empty: none
    std::string_view old;       // JSON object: what the client had before; empty: unknown
    std::string_view source{};  // all of it, as the client wrote it
    std::int64_t number = 0;    // rises with every change of a client (op_id); 0: none
};

// The changes of one transaction of a client. The server applies all of them or none.
struct ClientTransaction {
    std::optional<std::int64_t> id{};  // the client's
    std::vector<RowChange> changes{};
};

struct Upload {
    std::optional<std::string> client_id;
    std::optional<std::int64_t> checkpoint;
    bool skip_rejected = false;  // go on behind a transaction that was rejected
    std::vector<ClientTransaction> transactions;
};

// The result of a client transaction.
struct TransactionResult {
    enum class Status {
        success,
        temporary,      // nothing of it stands; to be sent again
        rejected,       // for good; on record in replicache.mutation_error
        not_attempted,  // because one before it failed
    };
    Status status = Status::not_attempted;
    std::optional<std::size_t> change{};  // index of the one that failed; nothing: the transaction as a whole did, at its end
    Failure failure{};                    // temporary, rejected
    std::optional<std::string> column{};  // that the failure is about, where it names one
    bool recorded = false;                // it was rejected before
};

}  // namespace replicache
