// Writes rows of an exposed table, as the calling role: with its privileges, and under row-level security.
//
// One statement writes several changes of one form if that has the same outcome as a statement for each: see set_wise.h.
#pragma once

#include "engine/rows/pending_rows.h"
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

    // Whether the change can be written together with those that wait.
    bool fits(const ParsedChange& change) const;
    void add(const ParsedChange& change);
    // Whether those that wait may do so until others come, as far as that is known before they are written.
    bool may_defer() const;
    // Writes those that wait: see write_rows.
    [[nodiscard]] bool write(Timing timing);
    std::size_t pending() const { return pending_.count(); }

    // The table as a resource, and what reads it. Null: it is none.
    const Resource* resource() const { return shape_.resource ? &*shape_.resource : nullptr; }
    ResourceReader& reader() const { return *reader_; }

    struct OwnedRow {
        std::string id, identity, data;  // JSON; identity: of a row that was removed
        std::int64_t version;
    };
    // Inserts, updates or removes a row of this owner. Returns the row as it is then, or as it was before it was removed. Nullopt: the
    // owner has no such row. Then roll back. Conflict policies do not apply.
    std::optional<OwnedRow> write_owned(const RowChange& change, std::string_view owner);

private:
    RowStatements& statements_of(const ChangeForm& form);

    const TableShape shape_;
    const std::unique_ptr<ResourceReader> reader_;
    bool in_use_ = false;
    std::unordered_map<ChangeForm, RowStatements, ChangeForm::Hash> statements_;
    PendingRows pending_;
    RowStatements* pending_statements_ = nullptr;  // of those that wait; null: none does
};

// Finds the writer of the table that clients call by this name. Locks the table in this mode until the end of the (sub)transaction, so that
// the definition which the writer knows stays the current one. Null: no table is exposed by that name.
std::shared_ptr<RowWriter> find_row_writer(const std::string& name, LOCKMODE lock);
// The same, but throws 42P01 when there is none.
std::shared_ptr<RowWriter> require_row_writer(const std::string& name, LOCKMODE lock);
// Null: no table is exposed by that name, or it is no resource.
std::shared_ptr<RowWriter> find_resource(const std::string& name, LOCKMODE lock);

}  // namespace replicache::engine
