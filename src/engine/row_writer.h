// Writes single rows of an exposed table, as the calling role: with its privileges, and under row-level security.
#pragma once

#include "engine/exposed_table.h"
#include "engine/row_change.h"
#include "pg/column_input.h"

namespace replicache::engine {

class RowWriter {
public:
    explicit RowWriter(const ExposedTable& table);
    ~RowWriter();
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;

    // Throws what the change fails with, and names table, row and column. Needs an open SPI connection.
    void apply(const RowChange& change);

private:
    struct Column {
        std::string client;  // what clients call it
        std::string name;    // quoted for SQL
        AttrNumber number;
        Oid type;
        bool writable;
        std::string equals{};  // operators of its type, for SQL; empty: none
        std::string less{};
        bool is_number = false;
        pg::ColumnInput input{};
        // What the change at hand has for it.
        bool given = false;
        bool identified = false;  // by the change's id
        pg::Value value{};
        bool old_given = false;  // what the client had before
        pg::Value old{};
    };
    struct Key {
        std::size_t column;  // index
        std::string equals;  // operator, for SQL
    };
    enum class Statement : char {
        insert,
        insert_unless_there,
        update,
        restore,  // an update, also of a row that is deleted softly
        find,
        find_live,  // not deleted softly
        show,       // the row as JSON
        remove,
    };

    void add_columns(Relation relation);
    void add_key(Relation relation);
    Column* find(std::string_view client);
    bool is_key(const Column& column) const;
    void read(const RowChange& change);
    void read_object(std::string_view object, bool keys_only);
    void read_old(const RowChange& change);
    static pg::Value read_value(Column& column, std::string_view json);
    bool has_values() const;
    void require(bool allowed, const char* operation) const;
    bool may_update_any_column() const;
    void upsert();
    void update();
    void remove();

    // The conflict policy: row_conflict.cpp.
    void find_operators();
    bool is_conflict_column(const Column& column) const;
    bool uses_old(Statement statement, const Column& column) const;
    bool has_evidence(Statement statement) const;
    void check_evidence(Statement statement) const;
    std::string still(const Column& column, const std::string& marker) const;
    std::string condition(Statement statement, const Column& column, const std::string& value, const std::string& old) const;
    std::string assignment(const Column& column, const std::string& value, const std::string& old) const;
    [[noreturn]] void lose();

    std::string sql(Statement statement) const;
    std::uint64_t run(Statement statement);

    ExposedTable table_;
    Conflict conflict_;
    std::string relation_;  // quoted for SQL
    std::string deleted_;   // quoted name of the column for soft deletion; empty: none
    MemoryContext context_;
    bool busy_ = false;  // columns_ hold the values of a change
    std::vector<Column> columns_;
    std::vector<Key> key_;
    std::unordered_map<std::string, SPIPlanPtr> plans_;  // by statement and columns
};

// The writer of the table that clients call so. Throws 42P01 when none is exposed by that name. It stays as long as it is
// held, while definitions change.
std::shared_ptr<RowWriter> find_row_writer(const std::string& name);

// Call once per backend.
void register_row_writer_callbacks();

}  // namespace replicache::engine
