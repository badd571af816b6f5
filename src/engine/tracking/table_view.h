// The reading side of tracked tables: how their rows become client-view entries.
#pragma once

#include "engine/space/progress.h"
#include "engine/table/key.h"
#include "engine/table/row_watch.h"
#include "engine/table/space_name.h"
#include "engine/table/storage.h"
#include "engine/table/tracked_table.h"
#include "pg/json/json_text.h"
#include "pg/memory.h"
#include "pg/plan.h"
#include "pg/spi.h"

namespace replicache::engine {

// How to read one tracked table: prepared queries and what turns their rows into entries.
class TableView {
public:
    explicit TableView(const TrackedTable& table);
    TableView(const TableView&) = delete;
    TableView& operator=(const TableView&) = delete;

    enum class Query {
        everything,    // all live rows
        changed,       // live rows with one of the versions
        soft_deleted,  // soft-deleted rows with one of the versions: only their keys
    };
    bool soft_deletes() const { return !table_.deleted.empty(); }
    Oid relation() const { return table_.relation; }
    const Storage& storage() const { return storage_; }
    // Whether the space can have rows of the table.
    bool may_have_rows(std::string_view space) const { return space_name_.match(space).has_value(); }
    // Throws what PostgreSQL has to say of the queries.
    void check();
    // Appends a patch operation per row, each followed by a comma. Needs an open SPI connection.
    void append_patch(StringInfo out, Query query, const Versions& versions, std::string_view space);

private:
    struct Output;
    int value_columns() const { return table_.value.empty() ? static_cast<int>(columns_.size()) : 1; }
    static void start(DestReceiver* self, int operation, TupleDesc descriptor);
    static bool receive(TupleTableSlot* slot, DestReceiver* self);
    enum class Where { all, range, listed };
    static Oid first_type(Where where);
    std::string sql(Query query, Where where) const;
    const pg::Plan& plan(Query query, Where where);
    // The values of the space's columns; nullopt: no row is in the space.
    std::optional<std::vector<Datum>> space_values(std::string_view space) const;
    void append_rows(StringInfo out, Query query, Where where, const Versions& versions, const std::vector<Datum>& space);

    TrackedTable table_;
    SpaceName space_name_;
    Storage storage_;
    std::string from_;  // clause
    WatchedTable watched_;
    pg::ContextPtr context_;  // of the writers
    struct SpaceColumn {
        Oid type;
        bool exact;  // equal values have the same text
    };
    std::vector<SpaceColumn> space_columns_;
    std::vector<std::string> columns_;                // of the default value
    std::vector<pg::JsonWriter> writers_;             // of the default value's columns
    std::optional<Key> key_;                          // over the columns behind the value's
    std::vector<Oid> types_;                          // that writers_ and key_ are for
    std::array<std::array<pg::Plan, 3>, 3> plans_{};  // by query and where
};

// The views of all tracked tables. Locks the tables to be read until the end of the transaction. The views are cached, but one that was
// made before its table was locked is made anew.
std::vector<std::shared_ptr<TableView>> lock_table_views();

}  // namespace replicache::engine
