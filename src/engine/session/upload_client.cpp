#include "engine/session/upload_client.h"

#include "pg/own_table.h"
#include "pg/spi.h"

extern "C" {
#include "access/xact.h"
}

namespace replicache::engine {
namespace {

using Access = pg::Table::Access;

constexpr const char* table_name = "upload_client";

// Columns of it.
namespace column {
constexpr int last_number = 3, checkpoint = 4, last_seen = 5;
}

std::uint64_t writes = 0;  // of rows by this backend

// The user as the table stores it. There, the empty text means no user. A user may have any id, also the empty one, so a mark goes in front
// of an id that is empty or begins with the mark.
std::string stored_user(const std::optional<std::string>& user_id) {
    constexpr char mark = '\1';
    if (!user_id) return {};
    return user_id->empty() || user_id->front() == mark ? mark + *user_id : *user_id;
}

void create(const std::string& client_id, const std::string& user) {
    static pg::OwnStatement insert(
        R"(
            INSERT INTO replicache.upload_client (client_id, user_id, last_number, last_seen)
            VALUES ($1, $2, 0, pg_catalog.now())
            ON CONFLICT DO NOTHING)",
        {TEXTOID, TEXTOID});
    const pg::SpiConnection spi;
    insert.run({pg::value(client_id), pg::value(user)});
}

}  // namespace

UploadClient::UploadClient(const std::optional<std::string>& client_id, const std::optional<std::string>& user_id)
    : client_id_(client_id), user_id_(stored_user(user_id)) {
    if (!client_id_) return;
    pg::Table table(table_name, Access::write);
    lock(table);
    last_number_ = table.int8(column::last_number);
}

void UploadClient::lock(pg::Table& table) {
    const pg::RowKey key(*client_id_, user_id_);
    if (!table.lock(key)) {
        create(*client_id_, user_id_);
        // Another transaction created it after the snapshot of this one, which is REPEATABLE READ or above.
        if (!table.lock(key)) throw pg::SqlError(ERRCODE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    }
    row_ = table.copy_row(CurrentMemoryContext);
    writes_ = writes;
    if (table.get(column::checkpoint).null)
        checkpoint_.reset();
    else
        checkpoint_ = table.int8(column::checkpoint);
}

void UploadClient::store(const std::optional<std::int64_t>& checkpoint) {
    if (!client_id_) return;
    pg::Table table(table_name, Access::write);
    if (writes_ != writes) lock(table);  // a trigger has made an upload, maybe of the same client
    ++writes;
    const pg::Table::Change number{column::last_number, Int64GetDatum(last_number_)},
        seen{column::last_seen, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())};
    if (!checkpoint) {
        table.update(row_, {number, seen}, CurrentMemoryContext);
        return;
    }
    const std::int64_t highest = std::max(*checkpoint, checkpoint_.value_or(*checkpoint));
    table.update(row_, {number, seen, {column::checkpoint, Int64GetDatum(highest)}}, CurrentMemoryContext);
}

}  // namespace replicache::engine
