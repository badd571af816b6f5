#include "engine/last_mutation_at/pull.h"

#include "engine/last_mutation_at/paging.h"
#include "engine/rows/row_writer.h"
#include "engine/session/context.h"
#include "engine/space/head.h"
#include "engine/tracking/key_log.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/json_reader.h"
#include "pg/json_text.h"
#include "pg/own_table.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::Rows;
using pg::value;

constexpr std::int64_t no_limit = std::numeric_limits<std::int32_t>::max();

// Rows from before tracking can have the same version.
bool is_earlier(const SyncMutation& a, const SyncMutation& b) {
    return std::tie(a.timestamp, a.resource, a.id, a.data) < std::tie(b.timestamp, b.resource, b.id, b.data);
}

// Nullopt: there was none. Then it is made, so that whoever writes first gives it no other clock.
class SyncPuller {
public:
    SyncPuller(const SyncPull& pull, const std::string& user) : pull_(pull), user_(user) {
        const auto space = user_space(user);
        if (space) head_ = space->version;
        from_ = space && pull.since < space->floor ? no_head : pull.since;
        context_.user_id = context_.space = user;
        context_.version = head_;
    }

    SyncPage run() {
        const pg::SpiConnection spi;
        const ContextScope scope(context_);
        SyncPage page{.head = head_, .page = pull_.page, .limit = pull_.limit};
        check_tracking();
        if (from_ >= head_) return page;  // nothing can be new
        find_resources();
        find_deletions();
        if (pull_.page == 1)
            read_first_page(page);
        else
            read_later_page(page);
        return page;
    }

private:
    // How often a row came into being after `since`, and when for the first time; the same for going away.
    struct Events {
        std::int64_t times = 0;
        std::int64_t first = 0;
        void add(std::int64_t version) { first = times++ == 0 ? version : std::min(first, version); }
    };

    void find_resources() {
        static OwnStatement exposed("SELECT name FROM replicache.exposed_table ORDER BY name", {});
        std::vector<std::string> names;
        {
            const Rows rows = exposed.run({}, pg::Snapshot::latest);
            for (std::uint64_t i = 0; i < rows.count(); ++i) names.push_back(pg::required(rows.text(i, 1)));
        }
        if (pull_.resources) {
            std::erase_if(names, [this](const std::string& name) {
                return std::find(pull_.resources->begin(), pull_.resources->end(), name) == pull_.resources->end();
            });
            pull_.resources = names;  // what nobody exposes makes no pull of its own
        }
        for (const std::string& name : names)
            if (auto writer = find_resource(name, AccessShareLock)) resources_.push_back(std::move(writer));
        for (const auto& writer : resources_) {
            writer->storage().lock();
            if (writer->storage().is_newer_than(GetActiveSnapshot())) throw OldSnapshot{writer->relation()};
        }
    }

    // Whose rows had nothing to do with each other before it: a client that has nothing has seen nothing.
    bool from_the_beginning() const { return pull_.since <= no_head; }

    void find_deletions() {
        if (from_the_beginning()) return;
        read_made();
        read_ahead_ = read_ahead(user_, pull_.since);
        read_tombstones();
        for (const auto& writer : resources_)
            for (const ResourceRow& row : writer->reader().soft_deleted(user_, everything()))
                if (const Events made = made_of(row.key); made.times == 0 || made.first <= read_ahead_)
                    deletions_.push_back({.kind = RowChange::Kind::remove,
                                          .resource = writer->resource()->name,
                                          .id = row.id,
                                          .data = row.id.empty() ? row.identity : "{}",
                                          .timestamp = row.version});
        std::sort(deletions_.begin(), deletions_.end(), is_earlier);
    }

    // Rows of a log since `since`.
    pg::TableScan scan(const char* log, const char* index, int space, int version) const {
        return {log,
                index,
                {{space, TEXTOID, pg::TableScan::Is::equal, pg::text_datum(user_)},
                 {version, INT8OID, pg::TableScan::Is::above, Int64GetDatum(pull_.since)}}};
    }

    void read_made() {
        auto log = scan("creation", "creation_space_version_idx", creation_column::space, creation_column::version);
        while (log.next()) {
            pg::check_interrupts();
            made_[log.text(creation_column::key)].add(log.int8(creation_column::version));
        }
    }

    void read_tombstones() {
        struct Gone {
            Events events{};
            std::int64_t version = 0;  // of the last time
            Oid relation = InvalidOid;
            std::string identity{};
        };
        std::unordered_map<std::string, Gone> gone;  // by key
        {
            auto log = scan("tombstone", "tombstone_space_version_idx", tombstone_column::space, tombstone_column::version);
            while (log.next()) {
                pg::check_interrupts();
                if (log.is_null(tombstone_column::relation)) continue;
                Gone& row = gone[log.text(tombstone_column::key)];
                const std::int64_t version = log.int8(tombstone_column::version);
                row.events.add(version);
                if (version < row.version) continue;
                row.version = version;
                row.relation = log.oid(tombstone_column::relation);
                row.identity = log.is_null(tombstone_column::identity) ? "{}" : log.text(tombstone_column::identity);
            }
        }
        for (const auto& [key, row] : gone) {
            const auto writer = std::find_if(resources_.begin(), resources_.end(),
                                             [&row](const auto& w) { return w->resource()->relation == row.relation; });
            if (writer != resources_.end() && can_be_known(**writer, key, row.events))
                add_deletion(*(*writer)->resource(), row.identity, row.version);
        }
    }

    Events made_of(const std::string& key) const {
        const auto made = made_.find(key);
        return made == made_.end() ? Events{} : made->second;
    }

    // Whether the row is gone, and a client whose head is `since` may know it.
    bool can_be_known(const RowWriter& writer, const std::string& key, const Events& gone) {
        if (from_ != pull_.since && is_there(writer, key)) return false;
        const Events made = made_of(key);
        if (made.times < gone.times) return true;                              // it was there at that time
        if (made.times > gone.times || gone.first < made.first) return false;  // it is there
        if (made.first > read_ahead_) return false;
        // It was on a page. But when one statement has moved rows to each other's keys, all have come, in our notes, before any went.
        const auto rows = writer.reader().rows(user_, {made.first - 1, head_}, no_limit);
        return std::none_of(rows.begin(), rows.end(), [&key](const ResourceRow& row) { return row.key == key; });
    }

    // Whether the row has come back unnoticed, with its table. All rows are told now, and those that are older than their deletion before
    // it.
    bool is_there(const RowWriter& writer, const std::string& key) {
        const auto [keys, is_new] = there_.try_emplace(&writer);
        if (is_new)
            for (const ResourceRow& row : writer.reader().rows(user_, everything(), no_limit)) keys->second.insert(row.key);
        return keys->second.contains(key);
    }

    // The identity has the columns' own names.
    void add_deletion(const Resource& resource, const std::string& identity, std::int64_t version) {
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
        deletions_.push_back(std::move(mutation));
    }

    VersionRange everything() const { return {from_, head_}; }

    std::int64_t count() {
        auto total = static_cast<std::int64_t>(deletions_.size());
        for (const auto& writer : resources_) total += writer->reader().count(user_, everything());
        return total;
    }

    // The first of them, by time; more than the limit when the last ones have the same version, which no line must part.
    std::vector<SyncMutation> read_whole(VersionRange range, std::int64_t limit) {
        std::vector<SyncMutation> mutations = read(range, limit + 1);
        if (static_cast<std::int64_t>(mutations.size()) <= limit) return mutations;
        const std::int64_t last = mutations[static_cast<std::size_t>(limit) - 1].timestamp;
        if (mutations.back().timestamp == last) return read({range.since, last}, no_limit);
        mutations.pop_back();
        return mutations;
    }

    // The first of them, by time.
    std::vector<SyncMutation> read(VersionRange range, std::int64_t limit) {
        std::vector<SyncMutation> mutations;
        for (const SyncMutation& deletion : deletions_)
            if (range.contains(deletion.timestamp)) mutations.push_back(deletion);
        for (const auto& writer : resources_)
            for (ResourceRow& row : writer->reader().rows(user_, range, limit)) {
                const bool made = from_the_beginning() || made_.contains(row.key);
                mutations.push_back({.kind = made ? RowChange::Kind::insert : RowChange::Kind::update,
                                     .resource = writer->resource()->name,
                                     .id = std::move(row.id),
                                     .data = std::move(row.data),
                                     .timestamp = row.version});
            }
        std::sort(mutations.begin(), mutations.end(), is_earlier);
        if (static_cast<std::int64_t>(mutations.size()) > limit) mutations.resize(static_cast<std::size_t>(limit));
        return mutations;
    }

    void read_first_page(SyncPage& page) {
        page.mutations = read(everything(), pull_.limit + 1);
        page.total = static_cast<std::int64_t>(page.mutations.size());
        if (page.total <= pull_.limit) return;
        page.total = count();
        page.mutations = read_whole(everything(), pull_.limit);
        page.has_more = page.total > static_cast<std::int64_t>(page.mutations.size());
        if (!page.has_more) return;
        auto paging = begin_paging(pull_, user_, everything());
        if (!paging) return;
        draw_lines(*paging);
        store_paging(pull_, user_, *paging);
        // The first line may be behind ours: another device has drawn it, or there are so many rows that it does with fewer lines.
        if (const std::int64_t end = paging->range(1).until; end > page.mutations.back().timestamp)
            page.mutations = read({from_, end}, no_limit);
        page.has_more = paging->has(2);
    }

    void draw_lines(Paging& paging) {
        const VersionRange range{paging.lines.back(), head_};
        std::vector<std::int64_t> versions;
        for (const SyncMutation& deletion : deletions_)
            if (range.contains(deletion.timestamp)) versions.push_back(deletion.timestamp);
        for (const auto& writer : resources_)
            for (const std::int64_t version : writer->reader().versions(user_, range)) versions.push_back(version);
        std::sort(versions.begin(), versions.end());
        paging.draw(versions, pull_.limit);
    }

    void read_later_page(SyncPage& page) {
        page.total = count();
        if (const auto paging = find_paging(pull_, user_)) {
            page.mutations = read(paging->range(pull_.page), no_limit);
            // What was written since the first page, no page tells: who takes the last page's head must not be thought to know it.
            page.head = paging->head;
            page.has_more = paging->has(pull_.page + 1);
            return;
        }
        // As it is now.
        const std::int64_t before = (pull_.page - 1) * pull_.limit;
        if (before >= page.total) return;
        page.mutations = read_whole(everything(), before + pull_.limit);
        page.mutations.resize(std::min<std::size_t>(page.mutations.size(), before + pull_.limit));
        page.mutations.erase(page.mutations.begin(), page.mutations.begin() + before);
        page.has_more = page.total > before + pull_.limit;
        // It may show what came after the first page, from whose head the client goes on.
        if (!XactReadOnly && !RecoveryInProgress()) note_read_ahead(user_, pull_.since, head_);
    }

    SyncPull pull_;
    const std::string& user_;
    std::int64_t head_ = no_head;
    // Since when rows are told. What was truncated or tracked anew at the floor, nobody has noted: then all rows are.
    std::int64_t from_ = no_head;
    Context context_;
    std::vector<std::shared_ptr<RowWriter>> resources_;
    std::unordered_map<std::string, Events> made_;  // by key
    std::unordered_map<const RowWriter*, std::unordered_set<std::string>> there_;
    std::int64_t read_ahead_ = no_head;
    std::vector<SyncMutation> deletions_;
};

}  // namespace

SyncPage sync_pull(const SyncPull& pull, const std::string& user) {
    return under_fitting_snapshot([&] { return SyncPuller(pull, user).run(); });
}

std::int64_t sync_head(const std::string& user) {
    const auto space = user_space(user);
    return space ? space->version : no_head;
}

}  // namespace replicache::engine
