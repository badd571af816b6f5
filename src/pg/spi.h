// SQL statements of the extension's own, through SPI.
//
// They run under the caller's search_path, and an attacker may have put operators of their own there. So every object, type, function and
// operator in such a statement is schema-qualified. sql/security.sql tests that.
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

// The rows that a statement has returned. They live as long as the SPI connection.
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
    fresh,   // a new snapshot of the transaction; may write
    latest,  // sees what is committed now, even in REPEATABLE READ; only reads. For registries, which are cached beyond the transaction
    active,  // the active snapshot of the caller; only reads
};

// Runs a prepared statement as the caller. Returns the rows that it returns. Without RETURNING, only their count is set.
Rows run_plan(SPIPlanPtr plan, std::initializer_list<Value> values, Snapshot snapshot = Snapshot::fresh);

// A statement that is prepared at its first use and kept as long as the backend lives. Define it as a static. It runs as the caller.
class Statement {
public:
    Statement(const char* sql, std::initializer_list<Oid> types) : sql_(sql), types_(types) {}
    Rows run(std::initializer_list<Value> values, Snapshot snapshot = Snapshot::fresh);

protected:
    bool prepare();  // returns whether it was not prepared yet
    SPIPlanPtr plan() const { return plan_; }

private:
    const char* sql_;
    std::vector<Oid> types_;
    SPIPlanPtr plan_ = nullptr;
};

// A statement on the extension's own tables. It runs as their owner, who is a superuser. So it may use only these tables and catalogs: a
// statement that names another table is refused before it runs.
class OwnStatement : private Statement {
public:
    using Statement::Statement;
    Rows run(std::initializer_list<Value> values, Snapshot snapshot = Snapshot::fresh);
};

// Runs DDL, or any other statement that is not worth a plan, as the caller.
Rows run_once(const std::string& sql);

std::string quote_identifier(const std::string& name);
std::string quote_literal(const std::string& text);
// The name of a relation for SQL: "schema"."table", quoted where necessary.
std::string qualified_name(Oid relation);

}  // namespace replicache::pg
