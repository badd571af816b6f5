// Writes rows of an exposed table, as the calling role: with its privileges, and under row-level security.
//
// Rows are written by one statement for several changes of one kind and with the same columns, where nobody can tell that from a
// statement each: see set_wise.h. The changes wait in a tuplestore, which the statement reads as a table (an ephemeral named
// relation, as transition tables are: utils/queryenvironment.h).
#pragma once

#include "engine/rows/resource_reader.h"
#include "engine/rows/set_wise.h"
#include "engine/table/exposed_table.h"
#include "model/row_change.h"
#include "pg/column_input.h"
#include "pg/plan.h"

extern "C" {
#include "utils/tuplestore.h"
}

namespace replicache::engine {

class RowWriter {
public:
    // The table is locked.
    explicit RowWriter(const ExposedTable& table);
    ~RowWriter();
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;

    Oid relation() const { return table_.relation; }
    const Storage& storage() const { return storage_; }

    // One at a time uses it: between begin() and end(), which forgets what was not written. begin() throws when somebody uses it already,
    // and 40001 when the transaction keeps a snapshot that is too old for the table.
    void begin();
    void end();

    // Takes the change apart. Throws when it is none of a row of this table. Its values are in the current memory context.
    void read(const RowChange& change);
    // Whether the change that was read can be written together with those that wait.
    bool fits() const;
    // Lets it wait.
    void add();
    // Whether what waits may do so until others come, as far as is known before it is written.
    bool may_wait() const;
    // Writes what waits, and names table, row and column in what it throws. `put_off`: it has waited, so something else may be going on:
    // then nothing must depend on that, and of several changes, the error does not tell which has failed.
    void write(bool put_off);
    std::size_t waiting() const { return waiting_; }

    // The table as a resource, null: it is none; and what reads that.
    const Resource* resource() const { return resource_ ? &*resource_ : nullptr; }
    ResourceReader& reader() const { return *reader_; }
    // Inserts, updates or removes a row of this owner. Returns the row as it is then (of one that is removed, as it was); nullopt, or
    // throws no_owned_row, when the owner has no such row. Conflict policies have no say.
    static constexpr int no_owned_row = MAKE_SQLSTATE('R', 'E', 'N', 'O', 'N');
    struct OwnedRow {
        std::string id, identity, data;  // JSON; identity: of a row that was removed
        std::int64_t version;
    };
    std::optional<OwnedRow> write_owned(const RowChange& change, std::string_view owner);

private:
    struct Column {
        std::string client;                  // what clients call it
        std::vector<std::string> aliases{};  // what else they do
        std::string name;                    // quoted for SQL
        AttrNumber number;
        Oid type;
        std::int32_t typmod;
        Oid collation;
        bool writable;
        bool always_assigned = false;  // nobody but the server has a value for it
        bool safe_input = true;        // reading a value of it sees no table
        bool assigned = false;         // the server has a value for it when the client gives none
        std::string equals{};          // operators of its type, for SQL; empty: none
        std::string less{};
        bool is_number = false;
        pg::ColumnInput input{};
        // What the change at hand has for it.
        bool given = false;
        bool identified = false;   // by the change's id
        std::string_view json{};   // of the object being read; empty: not in it
        std::string_view named{};  // what that calls it
        pg::Value value{};
        bool old_given = false;  // what the client had before
        pg::Value old{};
    };
    struct Key {
        std::size_t column;  // index
        std::string equals;  // operator, for SQL
        bool is_array;
        bool by_value;
        std::int16_t length;
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
        write_or_refuse,  // what the change is to do with a row that is there, as a MERGE
    };
    struct Plan {
        pg::Plan plan;
        int generation = -1;    // of PostgreSQL's plan, when this was found out:
        bool set_wise = false;  // the statement may write several rows
    };
    // Changes of one kind with the same columns: what they have in common.
    struct Form {
        RowChange::Kind kind;
        std::string columns;  // per column whether it is given, and whether its old value is
        TupleDesc row;
        std::array<Plan, 9> plans{};
    };

    bool is_owner(const Column& column) const;
    void add_columns(Relation relation);
    void add_key(Relation relation);
    Column* find(std::string_view client);
    Column* id_column();
    bool is_key(const Column& column) const;
    void check_conflict_column() const;
    void take_json(Column& column, std::string_view name, std::string_view json) const;
    void read_values(const RowChange& change);
    // `makes_owned`: the object is a new row, whose id is the server's to assign.
    void read_object(std::string_view object, bool keys_only, bool makes_owned = false);
    pg::Value read_known(Column& column, std::string_view json);
    void check_owner(const Column& column, RowChange::Kind kind) const;
    void read_old(const RowChange& change);
    static pg::Value read_value(Column& column, std::string_view json);

    // The kinds of changes: row_kinds.cpp.
    bool has_values() const;
    void require(bool allowed, const char* operation) const;
    bool may_see_all_rows() const;
    bool upsert_changes() const;
    bool touches_unique() const;
    void check_assigned() const;
    void insert();
    void upsert();
    void upsert_one();
    bool update_existing();
    void upsert_several();
    void update();
    void remove();
    Statement owned_statement() const;

    // Changes that wait: row_set.cpp.
    std::string columns_at_hand() const;
    void recall(const std::string& columns);
    Form& form_at_hand();
    void open();
    void forget_waiting();
    TupleDesc describe() const;
    void forget_forms();
    std::string key_at_hand() const;
    [[noreturn]] void refuse_set() const;

    // The conflict policy: row_conflict.cpp.
    void find_operators();
    bool is_conflict_column(const Column& column) const;
    bool uses_old(Statement statement, const Column& column) const;
    bool has_evidence(Statement statement) const;
    void check_evidence(Statement statement) const;
    std::string still(const Column& column, const std::string& marker) const;
    std::string condition(Statement statement, const Column& column, const std::string& value, const std::string& old) const;
    std::string assignment(const Column& column, const std::string& value, const std::string& old) const;
    void check_written(std::uint64_t rows);
    bool has_policies() const;
    void check_policies();
    [[noreturn]] void lose();

    // SQL: row_statement.cpp.
    std::string sql(Statement statement) const;
    Statement writes_existing() const;
    std::string same_key(const Key& key, const std::string& value) const;
    bool may_write_several(Plan& plan, Statement statement);
    Plan& planned(Statement statement);
    bool may_run(Statement statement);
    std::uint64_t run(Statement statement);

    ExposedTable table_;
    Storage storage_;
    Conflict conflict_;
    bool can_judge_ = true;              // clients may write the conflict column, if there is one
    std::string relation_, rows_of_it_;  // for SQL
    std::string deleted_;                // quoted name of the column for soft deletion; empty: none
    MemoryContext context_;
    std::vector<Column> columns_;
    std::vector<Key> key_;
    bool may_have_deferrable_ = false;  // keys, besides the primary key
    SetWise set_wise_;
    std::optional<Resource> resource_;
    std::unique_ptr<ResourceReader> reader_;  // null: it is none
    std::string owner_;                       // JSON; empty: the change at hand is of whoever's row
    bool busy_ = false;
    RowChange::Kind kind_{};  // of the change at hand
    std::unordered_map<std::string, Form> forms_;

    // What waits.
    Form* form_ = nullptr;  // null: nothing
    std::size_t waiting_ = 0;
    bool put_off_ = false;
    std::size_t bytes_ = 0;
    std::unordered_set<std::string> keys_;
    MemoryContext rows_context_;
    Tuplestorestate* rows_ = nullptr;
};

// The writer of the table that clients call so, which is locked in this mode until the end of the (sub)transaction: so the definition that
// the writer knows is the one there is. Throws 42P01 when none is exposed by that name.
std::shared_ptr<RowWriter> find_row_writer(const std::string& name, LOCKMODE lock);
// The same; null: clients call no resource so.
std::shared_ptr<RowWriter> find_resource(const std::string& name, LOCKMODE lock);

}  // namespace replicache::engine
