#include "engine/view/record.h"

#include "base/sqlstate.h"
#include "engine/view/secret.h"
#include "pg/row_batch.h"
#include "pg/spi.h"
#include "pg/subtransaction.h"
#include "pg/table.h"

extern "C" {
#include "access/xact.h"
#include "utils/date.h"
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

using pg::value;

namespace record_column {
constexpr int user_id = 2, space = 3, keys = 4, entries = 5, used_on = 6;
}
namespace client_view_column {
constexpr int record = 2, used_on = 3;
}

// In UTC, whatever the session has set.
DateADT today() { return static_cast<DateADT>(GetCurrentTransactionStartTimestamp() / USECS_PER_DAY); }

pg::Value date(DateADT day) { return value(DateADTGetDatum(day)); }

// Runs a write that others may be in the way of: they hold a lock, or have written the row since the snapshot. Returns whether it was done.
template <class Write>
bool unless_in_the_way(Write&& write) {
    auto error = pg::attempt(std::forward<Write>(write));
    if (!error) return true;
    const int code = error->sqlerrcode();
    if (code != ERRCODE_UNIQUE_VIOLATION && code != sqlstate::lock_not_available && !sqlstate::is_of_class(code, "40"))
        throw std::move(*error);
    return false;
}

bool is_noted(const std::string& id, const std::optional<std::string>& client_group, bool is_new) {
    pg::Table records("view_record", pg::Table::Access::read);
    if (records.find_latest(id) && records.date(record_column::used_on) < today()) return false;
    if (!client_group) return true;
    pg::Table views("client_view", pg::Table::Access::read);
    // Two tabs of a group may have different records. They must not take turns here while nothing changes.
    return views.find_latest(*client_group) && views.date(client_view_column::used_on) >= today() &&
           (!is_new || views.text(client_view_column::record) == id);
}

}  // namespace

std::optional<Record> find_record(const std::string& id, const ViewOwner& owner) {
    pg::Table table("view_record", pg::Table::Access::read);
    if (!table.find(id) || table.text(record_column::user_id) != owner.user_id || table.text(record_column::space) != owner.space)
        return std::nullopt;
    return Record{table.bytes(record_column::keys), table.int8(record_column::entries)};
}

std::string store_record(const std::string& keys, std::int64_t entries, const ViewOwner& owner) {
    std::string id = secret_digest({"record", owner.user_id ? "user" : "", owner.user_id.value_or(""), owner.space, keys});
    {
        pg::Table table("view_record", pg::Table::Access::read);
        if (table.find_latest(id)) return id;
    }
    if (XactReadOnly) refuse_read_only("The client view has changed too much for the cookie alone.");
    // ON CONFLICT DO NOTHING would fail in REPEATABLE READ when another transaction has stored the record since the snapshot.
    unless_in_the_way([&] {
        pg::insert_row("view_record", {value(id), owner.user_id ? value(*owner.user_id) : pg::Value{}, value(owner.space), value(keys),
                                       value(entries), date(today())});
    });
    return id;
}

bool note_use(const std::string& id, const std::optional<std::string>& client_group, bool is_new) {
    if (XactReadOnly || is_noted(id, client_group, is_new)) return true;
    static pg::OwnStatement note_record(
        R"(
            UPDATE replicache.view_record
            SET used_on = $2
            WHERE id OPERATOR(pg_catalog.=) (
                    SELECT r.id
                    FROM replicache.view_record r
                    WHERE r.id OPERATOR(pg_catalog.=) $1 AND r.used_on OPERATOR(pg_catalog.<) $2
                    FOR NO KEY UPDATE SKIP LOCKED))",
        {TEXTOID, DATEOID});
    static pg::OwnStatement note_group(
        R"(
            UPDATE replicache.client_view
            SET record = $2, used_on = $3
            WHERE client_group_id OPERATOR(pg_catalog.=) (
                    SELECT v.client_group_id
                    FROM replicache.client_view v
                    WHERE v.client_group_id OPERATOR(pg_catalog.=) $1
                    FOR NO KEY UPDATE SKIP LOCKED))",
        {TEXTOID, TEXTOID, DATEOID});
    static pg::OwnStatement add_group(
        R"(
            INSERT INTO replicache.client_view (client_group_id, record, used_on)
            SELECT $1, $2, $3
            WHERE NOT EXISTS (
                    SELECT
                    FROM replicache.client_view v
                    WHERE v.client_group_id OPERATOR(pg_catalog.=) $1))",
        {TEXTOID, TEXTOID, DATEOID});
    const bool done = unless_in_the_way([&] { note_record.run({value(id), date(today())}); });
    if (!client_group) return done;
    return done & unless_in_the_way([&] {
               const std::initializer_list<pg::Value> view{value(*client_group), value(id), date(today())};
               if (note_group.run(view).count() == 0) add_group.run(view);
           });
}

void refuse_read_only(const char* problem) {
    throw pg::SqlError(ERRCODE_READ_ONLY_SQL_TRANSACTION, "cannot record a client view in a read-only transaction", problem,
                       "Repeat the pull on the primary, in a transaction that may write.");
}

}  // namespace replicache::engine
