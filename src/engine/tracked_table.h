// The registry of tracked tables (replicache.tracked_table), as a backend caches it, and their reading side: how a
// table's rows become client-view entries.
#pragma once

#include "engine/key.h"
#include "engine/progress.h"
#include "pg/json_text.h"
#include "pg/spi.h"

namespace replicache::engine {

// A row of the registry. Columns go by name, so that the registry survives dump and restore.
struct TrackedTable {
    Oid relation;
    std::string key;      // template
    std::string value;    // SQL expression; empty: the default
    std::string space;    // column; empty: none
    std::string deleted;  // column; empty: none
    std::string version;  // column
};

// The space as a value of a space column, whose base type this is; nullopt when no value of that type has this text.
std::optional<pg::Value> space_value(Oid type, std::string_view space);

// How to read one tracked table: prepared queries and what turns their rows into entries.
class TableView {
public:
    // With require_triggers, throws 55000 when changes of the table would go unnoticed.
    TableView(const TrackedTable& table, bool require_triggers);
    ~TableView();
    TableView(const TableView&) = delete;
    TableView& operator=(const TableView&) = delete;

    enum class Query {
        everything,     // all live rows
        changed,        // live rows with one of the versions
        soft_deleted,   // soft-deleted rows with one of the versions: only their keys
    };
    bool soft_deletes() const { return !table_.deleted.empty(); }
    // Throws unless the value expression is one expression that gives json or jsonb.
    void check_value();
    // Appends a patch operation per row, each followed by a comma. Needs an open SPI connection.
    void append_patch(StringInfo out, Query query, const Versions& versions, std::string_view space);

private:
    struct Output;
    static bool receive(TupleTableSlot* slot, DestReceiver* self);
    std::string from() const;
    enum class Where { all, range, listed };
    static Oid first_type(Where where);
    std::string sql(Query query, Where where) const;
    SPIPlanPtr plan(Query query, Where where);
    void append_rows(StringInfo out, Query query, Where where, const Versions& versions, pg::Value space);

    TrackedTable table_;
    MemoryContext context_;       // of the writers
    Oid space_type_ = TEXTOID;
    bool exact_space_ = true;                // equal spaces have the same text
    std::vector<std::string> columns_;       // of the default value
    std::vector<std::string> key_columns_;
    std::vector<pg::JsonWriter> writers_;    // of the value's columns
    std::optional<Key> key_;                 // over the columns behind the value's
    std::array<std::array<SPIPlanPtr, 3>, 3> plans_{};  // by query and where
};

// The tracked tables, as committed now or changed by this transaction.
std::vector<TrackedTable> tracked_tables();
std::optional<TrackedTable> tracked_table(Oid relation);
// The tracked table that the table is, or is a part of.
std::optional<TrackedTable> tracked_table_of(Oid relation);
// The same, but only for a part the registry is asked; the table itself when that knows nothing.
Oid tracked_root(Oid relation);

// Their cached views. Valid until the next call.
const std::vector<std::shared_ptr<TableView>>& table_views();

// Call once per backend.
void register_registry_callbacks();

}  // namespace replicache::engine
