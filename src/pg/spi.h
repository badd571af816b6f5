// SQL statements of the extension's own, through SPI.
//
// They run under the caller's search_path, which an attacker may have pointed at operators of his own: so every object,
// type, function and operator in such a statement is schema-qualified; sql/security.sql puts it to the test.
#pragma once

#include "pg/datum.h"

namespace replicache::pg {

// An open SPI connection. Its memory context is current while it lives.
class SpiConnection {
public:
    SpiConnection() {
        guarded([] { SPI_connect(); });
    }
    ~SpiConnection() { SPI_finish(); }
    SpiConnection(const SpiConnection&) = delete;
    SpiConnection& operator=(const SpiConnection&) = delete;
};

// The rows a statement returned. They live as long as the SPI connection.
class Rows {
public:
    Rows(SPITupleTable* table, std::uint64_t count) : table_(table), count_(count) {}
    std::uint64_t count() const { return count_; }
    bool empty() const { return count_ == 0; }
    Value get(std::uint64_t row, int column) const;  // columns count from 1
    std::int64_t int8(std::uint64_t row, int column) const { return DatumGetInt64(get(row, column).datum); }
    Oid oid(std::uint64_t row, int column) const { return DatumGetObjectId(get(row, column).datum); }
    std::optional<std::string> text(std::uint64_t row, int column) const;

private:
    SPITupleTable* table_;
    std::uint64_t count_;
};

enum class Snapshot {
    fresh,   // sees what is committed now, may write
    latest,  // the same in REPEATABLE READ, too, but only reads: for registries, which are kept like catalogs beyond the transaction
    active,  // reads under the active snapshot of the caller
};

// A statement that is prepared on first use and kept for the life of the backend. Define it as a static. It runs as the caller.
class Statement {
public:
    Statement(const char* sql, std::initializer_list<Oid> types) : sql_(sql), types_(types) {}
    // Rows returned, or (without RETURNING) rows processed.
    Rows run(std::initializer_list<Value> values, Snapshot snapshot = Snapshot::fresh);

protected:
    bool prepare();  // whether it was not prepared yet
    SPIPlanPtr plan() const { return plan_; }

private:
    const char* sql_;
    std::vector<Oid> types_;
    SPIPlanPtr plan_ = nullptr;
};

// A statement on the extension's own tables. It runs as their owner, who is a superuser, so it may touch nothing else: a statement
// that names any other table but the catalogs is an error before it runs.
class OwnStatement : private Statement {
public:
    using Statement::Statement;
    Rows run(std::initializer_list<Value> values, Snapshot snapshot = Snapshot::fresh);
};

// Runs DDL, or any other statement that is not worth a plan, as the caller.
Rows run_once(const std::string& sql);

// name, quoted as an SQL identifier, or "schema"."table" of a relation.
std::string quote_identifier(const std::string& name);
std::string quote_literal(const std::string& text);
std::string qualified_name(Oid relation);

}  // namespace replicache::pg
