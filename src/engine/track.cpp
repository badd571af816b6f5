#include "engine/track.h"

#include "engine/change.h"
#include "engine/key_log.h"
#include "engine/relation.h"
#include "engine/trackable.h"
#include "engine/triggers.h"

extern "C" {
#include "storage/lmgr.h"
#include "tcop/utility.h"
}

namespace replicache::engine {
namespace {

using pg::AsOwner;
using pg::guarded;
using pg::qualified_name;
using pg::quote_identifier;
using pg::Rows;
using pg::run_once;
using pg::SpiConnection;
using pg::SqlError;
using pg::value;

// Adds the version column when it is missing, and an index for "what changed since" when there is none.
void provide_version_column(const TrackedTable& table, const std::vector<TableColumn>& columns) {
    const std::string relation = qualified_name(table.relation), version = quote_identifier(table.version);
    if (find_column(columns, table.version) == nullptr)
        run_once("ALTER TABLE " + relation + " ADD COLUMN " + version + " bigint NOT NULL DEFAULT 0");
    static pg::Statement index(
        "SELECT FROM pg_catalog.pg_index i "
        "JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid "
        "JOIN pg_catalog.pg_am m ON m.oid OPERATOR(pg_catalog.=) c.relam AND m.amname OPERATOR(pg_catalog.=) 'btree' "
        "JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid "
        "AND a.attnum OPERATOR(pg_catalog.=) i.indkey[0] "
        "LEFT JOIN pg_catalog.pg_attribute b ON i.indnkeyatts OPERATOR(pg_catalog.>) 1 "
        "AND b.attrelid OPERATOR(pg_catalog.=) i.indrelid AND b.attnum OPERATOR(pg_catalog.=) i.indkey[1] "
        "WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND i.indisvalid AND i.indpred IS NULL "
        "AND a.attname OPERATOR(pg_catalog.=) $2 AND ($3 IS NULL OR b.attname OPERATOR(pg_catalog.=) $3)",
        {OIDOID, NAMEOID, NAMEOID});
    const auto name = [](const std::string& text) {
        return value(guarded([&] { return DirectFunctionCall1(namein, CStringGetDatum(text.c_str())); }));
    };
    const bool spaces = !table.space.empty();
    const Rows found = index.run({value(ObjectIdGetDatum(table.relation)), name(spaces ? table.space : table.version),
                                  spaces ? name(table.version) : pg::Value{}});
    if (found.empty())
        run_once("CREATE INDEX ON " + relation + " (" + (spaces ? quote_identifier(table.space) + ", " : "") + version + ")");
}

// Takes the spaces before the table's lock, as pushes do.
void lock_spaces(bool has_space_column) {
    if (!has_space_column) {
        take_space("");
        return;
    }
    static pg::Statement known("SELECT id FROM replicache.space ORDER BY id FOR NO KEY UPDATE", {});
    const AsOwner owner;
    known.run({});
}

void lock_table(Oid relation) {
    guarded([relation] { LockRelationOid(relation, ShareRowExclusiveLock); });
}

std::vector<std::string> identity_of(Oid table, const KeyTemplate& key) {
    Relation const relation = guarded([table] { return relation_open(table, NoLock); });
    std::vector<std::string> names;
    for (const AttrNumber column : identifying_columns(relation, key.columns()))
        names.emplace_back(NameStr(TupleDescAttr(relation->rd_att, column - 1)->attname));
    guarded([relation] { relation_close(relation, NoLock); });
    return names;
}

// Leaves a tombstone for every row, so that clients drop its entry; soft-deleted rows included, which some clients may
// not have heard of.
void bury_rows(const TrackedTable& table) {
    const KeyTemplate key = KeyTemplate::parse(table.key);
    std::string list = table.space.empty() ? "''" : "t." + quote_identifier(table.space) + "::pg_catalog.text";
    for (const std::string& column : key.columns()) list += ", t." + quote_identifier(column);
    std::vector<AttrNumber> identity;  // in the query
    for (const std::string& column : identity_of(table.relation, key)) {
        list += ", t." + quote_identifier(column);
        identity.push_back(static_cast<AttrNumber>(1 + key.columns().size() + identity.size() + 1));
    }
    const std::string sql = "SELECT " + list + from_clause(table);
    Portal const rows = guarded([&] {
        return SPI_cursor_open_with_args(nullptr, sql.c_str(), 0, nullptr, nullptr, nullptr, true, 0);
    });
    std::optional<Key> bound;
    for (;;) {
        pg::check_interrupts();
        guarded([rows] { SPI_cursor_fetch(rows, true, 1000); });
        SPITupleTable* const batch = SPI_tuptable;
        const std::uint64_t count = SPI_processed;
        if (count == 0) break;
        if (!bound) {
            AttrNumber next = 1;
            bound.emplace(key, [&](const std::string&) {
                ++next;
                return Key::Column{next, SPI_gettypeid(batch->tupdesc, next)};
            });
        }
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::string_view text = guarded([&] {
                StringInfoData buffer;
                initStringInfo(&buffer);
                bound->append(&buffer, [&](AttrNumber column, bool* null) {
                    return SPI_getbinval(batch->vals[i], batch->tupdesc, column, null);
                });
                return std::string_view(buffer.data, buffer.len);
            });
            bury(take_space(Rows(batch, count).text(i, 1).value_or("")), text, {table.relation, batch->vals[i], batch->tupdesc, identity});
        }
        guarded([batch] { SPI_freetuptable(batch); });
    }
    guarded([rows] { SPI_cursor_close(rows); });
}

}  // namespace

void adopt_rows(const TrackedTable& table) {
    // Rows may carry versions of another clock (of a former life of the table): the space goes on above them.
    const std::string space = table.space.empty() ? "''" : "t." + quote_identifier(table.space) + "::pg_catalog.text";
    std::vector<std::pair<std::string, std::int64_t>> highest;
    {
        const AsOwner owner;
        const Rows rows = run_once("SELECT " + space + "::pg_catalog.text, pg_catalog.max(t." + quote_identifier(table.version) + ")" +
                                   from_clause(table) + " GROUP BY 1");
        for (std::uint64_t i = 0; i < rows.count(); ++i)
            if (const auto id = rows.text(i, 1)) {
                const pg::Value version = rows.get(i, 2);
                highest.emplace_back(*id, version.null ? 0 : DatumGetInt64(version.datum));
            }
    }
    std::sort(highest.begin(), highest.end());  // everybody locks spaces in this order
    for (const auto& [id, version] : highest) {
        Space& space = take_space(id);
        if (!space.changed() || version != space.version) skip_to(space, version);  // else this transaction wrote them
    }
    raise_floors(!table.space.empty());
}

void track_table(TrackedTable table) {
    const SpiConnection spi;
    check_owner(table.relation);
    lock_spaces(!table.space.empty());
    lock_table(table.relation);
    const std::vector<TableColumn> columns = columns_of(table.relation);
    const KeyTemplate key = check_trackable(table, columns);
    table.key = key.text();
    provide_version_column(table, columns);
    check_value(table);

    drop_triggers(table.relation);
    create_triggers(table, key);

    static pg::Statement store(
        "INSERT INTO replicache.tracked_table (relation, key, value, space_column, deleted_column, version_column) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (relation) DO UPDATE SET key = excluded.key, value = excluded.value, "
        "space_column = excluded.space_column, deleted_column = excluded.deleted_column, "
        "version_column = excluded.version_column",
        {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID});
    const auto or_null = [](const std::string& text) { return text.empty() ? pg::Value{} : value(text); };
    {
        const AsOwner owner;
        store.run({value(ObjectIdGetDatum(table.relation)), value(table.key), or_null(table.value),
                   or_null(table.space), or_null(table.deleted), value(table.version)});
    }
    adopt_rows(table);
}

namespace {

TrackedTable require_tracked(Oid relation) {
    check_owner(relation);
    if (auto table = tracked_table(relation)) return *table;
    throw SqlError(ERRCODE_UNDEFINED_OBJECT, "table \"" + name_of(relation) + "\" is not tracked", {},
                   "Call replicache.track_table first.");
}

}  // namespace

void untrack_table(Oid relation) {
    const SpiConnection spi;
    const TrackedTable table = require_tracked(relation);
    lock_spaces(!table.space.empty());
    lock_table(relation);
    // Without the columns of its key, nobody can tell its entries: then all clients start with a complete pull.
    const std::vector<TableColumn> columns = columns_of(relation);
    std::vector<std::string> needed = KeyTemplate::parse(table.key).columns();
    if (!table.space.empty()) needed.push_back(table.space);
    const bool readable = std::all_of(needed.begin(), needed.end(), [&](const std::string& name) { return find_column(columns, name) != nullptr; });
    const AsOwner owner;
    if (readable)
        bury_rows(table);
    else
        raise_floors(!table.space.empty());
    drop_triggers(relation);
    static pg::Statement forget("DELETE FROM replicache.tracked_table WHERE relation::pg_catalog.oid OPERATOR(pg_catalog.=) $1",
                                {OIDOID});
    forget.run({value(ObjectIdGetDatum(relation))});
}

void resync(Oid relation) {
    pg::guarded([] { PreventCommandIfReadOnly("replicache.resync()"); });
    const SpiConnection spi;
    raise_floors(!require_tracked(relation).space.empty());
}

}  // namespace replicache::engine
