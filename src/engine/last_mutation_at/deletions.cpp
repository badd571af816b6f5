#include "engine/last_mutation_at/deletions.h"

#include "engine/tracking/key_log.h"
#include "pg/json/json_reader.h"
#include "pg/json/json_text.h"
#include "pg/table.h"

namespace replicache::engine {

void Deletions::find() {
    read_creations();
    read_ahead_ = read_ahead(user_, since_);
    read_tombstones();
    read_soft_deleted();
    std::sort(found_.begin(), found_.end(), is_earlier);
}

// The rows of a log that belong to the user, after `since`.
pg::TableScan Deletions::scan(const char* log, const char* index, int space, int version) const {
    return {log,
            index,
            {{space, TEXTOID, pg::TableScan::Is::equal, pg::text_datum(user_)},
             {version, INT8OID, pg::TableScan::Is::above, Int64GetDatum(since_)}}};
}

void Deletions::read_creations() {
    auto log = scan("creation", "creation_space_version_idx", creation_column::space, creation_column::version);
    while (log.next()) {
        pg::check_interrupts();
        created_[log.text(creation_column::key)].add(log.int8(creation_column::version));
    }
}

void Deletions::read_tombstones() {
    struct Deleted {
        Events events{};
        std::int64_t version = 0;  // of the last time
        Oid relation = InvalidOid;
        std::string identity{};
    };
    std::unordered_map<std::string, Deleted> deleted;  // by key
    {
        auto log = scan("tombstone", "tombstone_space_version_idx", tombstone_column::space, tombstone_column::version);
        while (log.next()) {
            pg::check_interrupts();
            if (log.is_null(tombstone_column::relation)) continue;
            Deleted& row = deleted[log.text(tombstone_column::key)];
            const std::int64_t version = log.int8(tombstone_column::version);
            row.events.add(version);
            if (version < row.version) continue;
            row.version = version;
            row.relation = log.oid(tombstone_column::relation);
            row.identity = log.is_null(tombstone_column::identity) ? "{}" : log.text(tombstone_column::identity);
        }
    }
    for (const auto& [key, row] : deleted) {
        const Oid relation = row.relation;
        const auto writer =
            std::find_if(resources_.begin(), resources_.end(), [relation](const auto& w) { return w->resource()->relation == relation; });
        if (writer != resources_.end() && can_be_known(**writer, key, row.events)) add(*(*writer)->resource(), row.identity, row.version);
    }
}

void Deletions::read_soft_deleted() {
    for (const auto& writer : resources_)
        for (const ResourceRow& row : writer->reader().soft_deleted(user_, told_))
            if (const Events created = creations_of(row.key); created.times == 0 || created.first <= read_ahead_)
                found_.push_back({.kind = RowChange::Kind::remove,
                                  .resource = writer->resource()->name,
                                  .id = row.id,
                                  .data = row.id.empty() ? row.identity : "{}",
                                  .timestamp = row.version});
}

Deletions::Events Deletions::creations_of(const std::string& key) const {
    const auto created = created_.find(key);
    return created == created_.end() ? Events{} : created->second;
}

// Whether the row is gone, and a client whose head is `since` may know it.
bool Deletions::can_be_known(const RowWriter& writer, const std::string& key, const Events& deleted) {
    if (told_.since != since_ && exists(writer, key)) return false;
    const Events created = creations_of(key);
    if (created.times < deleted.times) return true;                                    // it existed at `since`
    if (created.times > deleted.times || deleted.first < created.first) return false;  // it exists now
    if (created.first > read_ahead_) return false;
    // The client may have seen the row on a page. But if one statement swaps the keys of two rows, the log has both creations before both
    // deletions. So look whether the row exists.
    const auto rows = writer.reader().rows(user_, {created.first - 1, told_.until}, no_limit);
    return std::none_of(rows.begin(), rows.end(), [&key](const ResourceRow& row) { return row.key == key; });
}

// Whether the row has come back with its table, which no log notes. In that case the answer has all rows, and the deletion would come after
// a row that is older than it.
bool Deletions::exists(const RowWriter& writer, const std::string& key) {
    const auto [keys, is_first] = existing_.try_emplace(&writer);
    if (is_first)
        for (const ResourceRow& row : writer.reader().rows(user_, told_, no_limit)) keys->second.insert(row.key);
    return keys->second.contains(key);
}

// The identity has the columns' own names.
void Deletions::add(const Resource& resource, const std::string& identity, std::int64_t version) {
    SyncMutation mutation{.kind = RowChange::Kind::remove, .resource = resource.name, .id = {}, .data = {}, .timestamp = version};
    pg::for_each_member(identity, [&](std::string_view name, std::string_view json) {
        const auto column = std::find_if(resource.key.begin(), resource.key.end(), [name](const auto& c) { return c.name == name; });
        if (column == resource.key.end()) return;  // the user
        if (!resource.composite)
            mutation.id = json;
        else
            mutation.data += (mutation.data.empty() ? "{" : ",") + pg::json_string(column->client) + ":" + std::string(json);
    });
    mutation.data += mutation.data.empty() ? "{}" : "}";
    found_.push_back(std::move(mutation));
}

}  // namespace replicache::engine
