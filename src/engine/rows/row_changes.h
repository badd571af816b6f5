// Changes of rows, applied in order: as many by one statement as can be, or one by one. Changes of a user's rows derive from it.
#pragma once

#include "engine/rows/row_writer.h"
#include "pg/settings_scope.h"

namespace replicache::engine {

class RowChanges {
public:
    enum class Mode {
        together,  // a change may be deferred until others come that the same statement can write
        one_by_one,
    };
    // `written` is called whenever some changes have been written.
    RowChanges(Mode mode, std::function<void()> written) : mode_(mode), written_(std::move(written)) {}
    virtual ~RowChanges() { release(); }
    RowChanges(const RowChanges&) = delete;
    RowChanges& operator=(const RowChanges&) = delete;

    // Applies the change, or defers it. False: this change has failed, or one that was deferred. The error is here, or is thrown. Or there
    // is none, and one statement cannot write those that were deferred. In all cases roll back. If any was deferred, then apply all of them
    // one by one.
    [[nodiscard]] bool apply(const RowChange& change);
    // Applies what was deferred, and fails like apply(). Call it before anything else happens in the database.
    [[nodiscard]] bool write();

    // Hands over the error after one of these has returned false.
    std::optional<pg::PgError> take_error() { return std::exchange(error_, std::nullopt); }

    // Forgets what was deferred.
    void release();

    bool has_pending() const { return writer_ != nullptr && writer_->pending() > 0; }
    bool has_deferred() const { return deferred_; }  // at any time

protected:
    // Throws when there is none.
    virtual std::shared_ptr<RowWriter> find(const RowChange& change);
    // Nullopt: the change fails, because the user cannot have its row.
    virtual std::optional<ParsedChange> parse(const TableShape& shape, const RowChange& change);
    // Makes the writer write what waits. False: see apply().
    virtual bool write_pending(RowWriter& writer, Timing timing, std::optional<pg::PgError>& error);

private:
    void use(std::shared_ptr<RowWriter> writer);
    bool write(Timing timing);

    const Mode mode_;
    bool deferred_ = false;
    std::optional<pg::PgError> error_{};
    std::function<void()> written_;
    std::shared_ptr<RowWriter> writer_;          // in use; null: none
    std::optional<pg::SettingsScope> settings_;  // of the changes that are being applied, or wait: triggers and domains may set some
};

// Applies a single change at once. Returns or throws what it fails with.
[[nodiscard]] std::optional<pg::PgError> apply_one(const RowChange& change);

}  // namespace replicache::engine
