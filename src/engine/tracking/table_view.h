// The reading side of tracked tables: how their rows become client-view entries.
#pragma once

#include "engine/space/progress.h"
#include "engine/table/key.h"
#include "engine/table/row_watch.h"
#include "engine/table/space_name.h"
#include "engine/table/storage.h"
#include "engine/table/tracked_table.h"
#include "engine/view/client_view.h"
#include "engine/view/page.h"
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
        keys,          // all live rows: only their keys and versions
        gone,          // all rows, also soft-deleted ones: only their keys
    };
    bool soft_deletes() const { return !table_.deleted.empty(); }
    bool is_private() const { return table_.is_private; }
    bool has_parts() const { return !table_.part.empty(); }
    // Whether row-level security applies to the caller: on the table, or on another one that its queries are known to read. A query that
    // has run is known. An older one may be known by a view that is another one now, unless stale plans are dropped before.
    bool has_row_security() const;
    void drop_stale_plans();
    Oid relation() const { return table_.relation; }
    const Storage& storage() const { return storage_; }
    // Whether the space can have rows of the table.
    bool may_have_rows(std::string_view space) const { return space_name_.match(space).has_value(); }
    // Throws what PostgreSQL has to say of the queries.
    void check();
    // Appends a patch operation per row, each followed by a comma. Needs an open SPI connection.
    void append_patch(StringInfo out, Query query, const Versions& versions, std::string_view space);

    // Appends live rows in the order of their keys, until the page is full. `after`: the key of the last row that the client has, empty:
    // none. It becomes that of the last row of the page. Returns whether no rows are left.
    bool append_page(StringInfo out, Page& page, std::string& after, std::string_view space);

    // What a client gets of a table that is private or has parts.
    struct Wanted {
        bool all;  // every row that it may see, also those that it has
        const Versions& versions;
        std::string_view space;
        Page* page;  // null: the answer has one page
    };
    // Of a private table: marks the keys of the rows that the caller may see, and appends a put for each row that the client has not, or
    // has in an older version.
    void append_private(StringInfo out, ClientView& view, const Wanted& wanted);
    // Of a table with parts: marks the parts that the caller may see.
    void mark_parts(ClientView& view);
    // Appends dels for the rows of parts that the client has and may not see any more, then what has changed in the parts that it has, then
    // all rows of the parts that it has not.
    void append_parts(StringInfo out, ClientView& view, const Wanted& wanted);
    // Whether the client has the part of a tombstone with this key.
    bool was_held(const ClientView& view, std::string_view key, std::string_view part) const;
    // Whether the rows of a part that the client must drop can be found: the owner of the table may read all of them.
    bool owner_sees_all() const;

    // Whether a row of the table may have the key.
    bool may_have(std::string_view key) const { return key_template_.match(key).has_value(); }

private:
    struct Output;
    class PrivateRows;
    int value_columns() const { return table_.value.empty() ? static_cast<int>(columns_.size()) : 1; }
    static void start(DestReceiver* self, int operation, TupleDesc descriptor);
    static bool receive(TupleTableSlot* slot, DestReceiver* self);
    void prepare_parts();
    std::string part_name(std::string_view part) const;
    Datum part_array(const std::vector<std::string>& parts) const;
    enum class Where {
        all,
        range,   // of versions
        listed,  // versions
        named,   // rows with the given values in the columns of the key
        first,   // in the order of the key
        after,   // in the order of the key, those behind the given values in its columns
    };
    static Oid first_type(Where where);
    std::vector<Oid> parameter_types(Where where) const;
    std::string sql(Query query, Where where) const;
    std::string named_rows() const;
    std::string rows_after() const;
    std::string order() const;
    const pg::Plan& plan(Query query, Where where);
    // The values of the space's columns; nullopt: no row is in the space.
    std::optional<std::vector<Datum>> key_values(const std::string& key) const;
    std::optional<std::vector<Datum>> space_values(std::string_view space) const;
    struct Run {
        StringInfo out;
        Query query;
        Where where;
        const Versions& versions;
        const std::vector<Datum>& space;
        Page* page = nullptr;  // the run ends when it is full
        PrivateRows* rows = nullptr;
        std::vector<Datum> more{};  // parameters behind the space: an array of parts, or one for each column of the key for Where::named
    };
    // Returns the key of the last row.
    std::string run(const Run& run);
    void append_entry(Output& output, std::string_view key, TupleTableSlot* slot);
    // Whether no table and not the registry has changed since the views were made.
    static bool is_current();

    TrackedTable table_;
    KeyTemplate key_template_;
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
    std::vector<std::string> columns_;     // of the default value
    std::vector<pg::JsonWriter> writers_;  // of the default value's columns
    std::optional<Key> key_;               // over the columns behind the value's
    std::vector<Oid> key_types_;           // of the key's columns, without domains
    std::vector<Oid> key_arrays_;          // types of arrays of them
    bool compares_keys_ = true;            // PostgreSQL has the operators: rows can be asked for by their keys, and in their order
    std::vector<Oid> types_;               // that writers_ and key_ are for
    std::optional<SpaceColumn> part_;
    pg::Plan parts_plan_;
    std::array<std::array<pg::Plan, 6>, 5> plans_{};  // by query and where
};

// The views of all tracked tables. Locks the tables to be read until the end of the transaction. The views are cached, but one that was
// made before its table was locked is made anew. They know every change of the registry that the active snapshot shows, and with it every
// new partition.
std::vector<std::shared_ptr<TableView>> lock_table_views();

}  // namespace replicache::engine
