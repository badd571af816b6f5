#include "engine/last_mutation_at/pull.h"

#include "engine/last_mutation_at/deletions.h"
#include "engine/session/context.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/own_table.h"

namespace replicache::engine {
namespace {

using pg::OwnStatement;
using pg::Rows;

class SyncPuller {
public:
    SyncPuller(const SyncPull& pull, const std::string& user)
        : pull_(pull), user_(user), told_(range_to_tell(pull, user)), deletions_(user_, pull_.since, told_, resources_) {}

    SyncPage run() {
        const pg::SpiConnection spi;
        const Context context{.user_id = user_, .space = user_, .version = told_.until};
        const ContextScope scope(context);
        SyncPage page{.head = told_.until, .page = pull_.page, .limit = pull_.limit};
        check_tracking();
        if (told_.since >= told_.until) return page;  // nothing can be new
        find_resources();
        if (!knows_nothing()) deletions_.find();
        if (pull_.page == 1)
            read_first_page(page);
        else
            read_later_page(page);
        return page;
    }

private:
    // From the client's head to that of the space. Below the floor, rows were truncated, or tracked anew, without a note of each: then the
    // answer has all rows.
    static VersionRange range_to_tell(const SyncPull& pull, const std::string& user) {
        const auto space = user_space(user);
        return {space && pull.since < space->floor ? no_head : pull.since, space ? space->version : no_head};
    }

    void find_resources() {
        confirm_row_writers();
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
            pull_.resources = names;  // names that are not exposed make no difference
        }
        for (const std::string& name : names)
            if (auto writer = find_resource(name, AccessShareLock)) resources_.push_back(std::move(writer));
        for (const auto& writer : resources_) {
            writer->storage().lock();
            if (writer->storage().is_newer_than(GetActiveSnapshot())) throw OldSnapshot{writer->relation()};
        }
    }

    // A client without any data cannot know a deleted row.
    bool knows_nothing() const { return pull_.since <= no_head; }

    std::int64_t count() {
        auto total = static_cast<std::int64_t>(deletions_.found().size());
        for (const auto& writer : resources_) total += writer->reader().count(user_, told_);
        return total;
    }

    // The first mutations of the range, by time. They may be more than the limit, because those of one version stay together.
    std::vector<SyncMutation> read_whole(VersionRange range, std::int64_t limit) {
        std::vector<SyncMutation> mutations = read(range, limit + 1);
        if (static_cast<std::int64_t>(mutations.size()) <= limit) return mutations;
        const std::int64_t last = mutations[static_cast<std::size_t>(limit) - 1].timestamp;
        if (mutations.back().timestamp == last) return read({range.since, last}, no_limit);
        mutations.pop_back();
        return mutations;
    }

    // The first mutations of the range, by time.
    std::vector<SyncMutation> read(VersionRange range, std::int64_t limit) {
        std::vector<SyncMutation> mutations;
        for (const SyncMutation& deletion : deletions_.found())
            if (range.contains(deletion.timestamp)) mutations.push_back(deletion);
        for (const auto& writer : resources_)
            for (ResourceRow& row : writer->reader().rows(user_, range, limit)) {
                const bool made = knows_nothing() || deletions_.is_new(row.key);
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
        page.mutations = read(told_, pull_.limit + 1);
        page.total = static_cast<std::int64_t>(page.mutations.size());
        if (page.total <= pull_.limit) return;
        page.total = count();
        page.mutations = read_whole(told_, pull_.limit);
        page.has_more = page.total > static_cast<std::int64_t>(page.mutations.size());
        if (!page.has_more) return;
        auto paging = begin_paging(pull_, user_, told_);
        if (!paging) return;
        draw_lines(*paging);
        store_paging(pull_, user_, *paging);
        // The first page may end later than ours: another device began the paging, or the pages are longer because there are so many rows.
        if (const std::int64_t end = paging->range(1).until; end > page.mutations.back().timestamp)
            page.mutations = read({told_.since, end}, no_limit);
        page.has_more = paging->has(2);
    }

    void draw_lines(Paging& paging) {
        const VersionRange range{paging.lines.back(), told_.until};
        std::vector<std::int64_t> versions;
        for (const SyncMutation& deletion : deletions_.found())
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
            // No page tells what was written after the first page. So the head of the last page must not cover it.
            page.head = paging->head;
            page.has_more = paging->has(pull_.page + 1);
            return;
        }
        // There are no lines, so the page is cut out of the data as it is now.
        const std::int64_t before = (pull_.page - 1) * pull_.limit;
        if (before >= page.total) return;
        page.mutations = read_whole(told_, before + pull_.limit);
        page.mutations.resize(std::min<std::size_t>(page.mutations.size(), before + pull_.limit));
        page.mutations.erase(page.mutations.begin(), page.mutations.begin() + before);
        page.has_more = page.total > before + pull_.limit;
        // The page may show rows that came after the first page, from whose head the client goes on.
        if (!XactReadOnly && !RecoveryInProgress()) note_read_ahead(user_, pull_.since, told_.until);
    }

    SyncPull pull_;
    const std::string& user_;
    const VersionRange told_;  // versions that the answer, in all its pages, is about
    Resources resources_;
    Deletions deletions_;
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
