// The tables that zero-cache makes in the app's database: how far each client's mutations were processed, and the results of rejected ones.
#pragma once

#include "model/zero.h"
#include "pg/spi.h"

namespace replicache::engine {

// The result of a rejected mutation.
struct ZeroResult {
    std::string_view client_id;
    std::int64_t mutation_id;
    std::string result;  // JSON
};

// All statements run as the caller, as those of a backend would: the schema is whatever the request names. They need an open SPI
// connection.
class ZeroTables {
public:
    // Throws 42501 unless the caller may use the schema. `schema`: must outlive this.
    ZeroTables(const std::string& schema, const std::string& client_group_id);

    // The qualified name of the first table that does not exist. Call it before everything else.
    std::optional<std::string> find_missing();

    // The client's lastMutationID, its row locked until the end of the transaction. Nullopt: it has none.
    std::optional<std::int64_t> lock(const std::string& client_id);
    // Locks the row and changes its lastMutationID. False: nothing is done. It is not `from`, or triggers, rules or children of the table
    // make it unclear what an UPDATE does.
    bool advance(const std::string& client_id, std::int64_t from, std::int64_t to);
    // Creates the row, with a lastMutationID of 0. Returns false when another transaction has just done so: lock it.
    bool create(const std::string& client_id);
    void store(const std::string& client_id, std::int64_t last_mutation_id);
    // Throws the error for a table that does not keep what is written into it.
    [[noreturn]] void refuse_clients() const;

    void add_results(std::span<const ZeroResult> results);
    void remove_results(const ZeroCleanup& cleanup);

private:
    enum class Command { lock, advance, create, store, add_results, remove_some, remove_all };

    pg::Rows run(Command command, std::initializer_list<pg::Value> values);

    const std::string& schema_;
    pg::Value group_;
    bool keeps_rows_ = false;  // what is written into clients is what is there then
};

}  // namespace replicache::engine
