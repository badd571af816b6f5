// The tables of a pull, and what a client gets of them.
#pragma once

#include "engine/pull/pull.h"
#include "engine/replicache/pull_answer.h"
#include "engine/tracking/table_view.h"

namespace replicache::engine {

// Throws the 0A000 for one answer to clients of all users, who may see different rows. `detail`: why.
[[noreturn]] void refuse_one_answer(const std::string& detail);

// If the setting says so, a table whose expressions fail is left out. Its rows come when they can be read again.
class PulledTables {
public:
    // Locks the tables. Throws OldSnapshot.
    PulledTables(const PullRequest& request, Progress& progress);

    // Whether the view of the client decides what it gets of a table in the space.
    bool need_view() const;
    // Throws 0A000 unless all users may see the same: no table is private or has parts, and row-level security does not apply to the
    // caller.
    void check_same_for_all() const;
    void drop_stale_plans();
    // Marks the parts that the client may see. Returns whether it can be told which rows it must drop.
    bool mark_parts(ClientView& client);

    // All rows of the tables that everybody may see.
    void append_all(PullAnswer& answer);
    // The next page of them. Returns whether no rows are left.
    bool append_page(PullAnswer& answer, Page& page);
    // What has changed in them, and dels for what was removed, also from parts. `client`: null if no view is needed.
    void append_changes(PullAnswer& answer, const ClientView* client);
    // The rows of tables that are private or have parts, and dels for what the client has and may not see any more. `page`: null if the
    // answer has one page.
    void append_viewed(PullAnswer& answer, ClientView& client, Page* page);

private:
    using Views = std::vector<std::shared_ptr<TableView>>;

    bool was_skipped(const TableView& view) const;
    bool is_skipped(const TableView& view) const;
    void append_tombstones(PullAnswer& answer, const ClientView* client);
    void append_rows(PullAnswer& answer, TableView& view, TableView::Query query);
    // Whether the rows of the table are in the answer. A broken table may be left out.
    template <class Append>
    bool append(PullAnswer* answer, const TableView& view, Append append_rows);

    const PullRequest& request_;
    Progress& progress_;
    Views public_, viewed_;
    Views parted_;  // those of viewed_ that have parts
};

}  // namespace replicache::engine
