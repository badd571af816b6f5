// Writes rows of an exposed table, as the calling role: with its privileges, and under row-level security.
//
// One statement writes several changes of one form if that has the same outcome as a statement for each: see set_wise.h.
#pragma once

#include "engine/rows/pending_groups.h"
#include "engine/rows/resource_reader.h"
#include "engine/rows/row_operation.h"

namespace replicache::engine {

class RowWriter {
public:
    // The table is locked.
    explicit RowWriter(const ExposedTable& table);
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;

    const TableShape& shape() const { return shape_; }
    Oid relation() const { return shape_.table.relation; }
    const Storage& storage() const { return shape_.storage; }

    // Only one user at a time, between begin() and end(). end() forgets what was not written. begin() throws when there is a user already,
    // and 40001 when the transaction keeps a snapshot that is too old for the table.
    void begin();
    void end();

    // Whether the change can wait with those that do.
    bool fits(const ParsedChange& change);
    // Whether it may wait until others come, as far as that is known before it is written.
    bool add(const ParsedChange& change);
    // Writes those that wait: see write_rows.
    [[nodiscard]] bool write(Timing timing, std::optional<pg::PgError>& error);
    std::size_t pending() const { return pending_.count(); }

    // Why the statement may not write several changes of this form for the current role. Empty: it may.
    std::string why_not_set_wise(const ChangeForm& form, RowStatement statement);

    // The table as a resource, and what reads it. Null: it is none.
    const Resource* resource() const { return shape_.resource ? &*shape_.resource : nullptr; }
    ResourceReader& reader() const { return *reader_; }

    struct OwnedRow {
        std::string id, identity, data;  // JSON; identity: of a row that was removed
        std::int64_t version;
    };
    // Writes those that wait, which are of one owner, and adds the rows as they are then, in the order of the changes; a row that was
    // removed, as it was. Conflict policies do not apply. False: see write_owned_rows. Then roll back.
    [[nodiscard]] bool write_owned(Timing timing, std::vector<OwnedRow>& rows, std::optional<pg::PgError>& error);

private:
    RowStatements& statements_of(const ChangeForm& form);
    bool may_defer(const RowStatements& statements) const;
    bool is_independent(const RowStatements& statements) const;

    const TableShape shape_;
    const std::unique_ptr<ResourceReader> reader_;
    bool in_use_ = false;
    std::unordered_map<ChangeForm, RowStatements, ChangeForm::Hash> statements_;
    PendingGroups pending_;
    bool versions_tell_ = false;  // of rows of this table, see versions_tell_order
};

// Makes the writers anew if the active snapshot shows a change of the registries that they do not know. Only readers need it: a writer
// waits for the table's lock, and knows them then.
void confirm_row_writers();

// Finds the writer of the table that clients call by this name. Locks the table in this mode until the end of the (sub)transaction, so that
// the definition which the writer knows stays the current one. Null: no table is exposed by that name.
std::shared_ptr<RowWriter> find_row_writer(const std::string& name, LOCKMODE lock);
// The same, but throws 42P01 when there is none.
std::shared_ptr<RowWriter> require_row_writer(const std::string& name, LOCKMODE lock);
// Null: no table is exposed by that name, or it is no resource.
std::shared_ptr<RowWriter> find_resource(const std::string& name, LOCKMODE lock);

}  // namespace replicache::engine
