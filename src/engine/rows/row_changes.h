// Changes of rows, applied in order: as many by one statement as can be, or one by one.
#pragma once

#include "engine/rows/row_writer.h"
#include "pg/settings_scope.h"

namespace replicache::engine {

class RowChanges {
public:
    // With `together`, changes may wait for others that one statement can write with them. `written` is called whenever some have been
    // written.
    RowChanges(bool together, std::function<void()> written) : together_(together), written_(std::move(written)) {}
    ~RowChanges() { release(); }
    RowChanges(const RowChanges&) = delete;
    RowChanges& operator=(const RowChanges&) = delete;

    // Applies the change, or puts it off. Throws what it fails with, or one that was put off: then roll back, and when some were, apply
    // all one by one to learn which.
    void apply(const RowChange& change);
    // Applies what was put off. Call it before anything else happens in the database.
    void write();

    // Forgets what was put off.
    void release();

    bool waiting() const { return writer_ != nullptr && writer_->pending() > 0; }
    bool has_put_off() const { return put_off_; }

private:
    void use(std::shared_ptr<RowWriter> writer);
    void write_now(Timing timing);

    bool together_;
    bool put_off_ = false;  // something, once
    std::function<void()> written_;
    std::shared_ptr<RowWriter> writer_;          // in use; null: none
    std::optional<pg::SettingsScope> settings_;  // of what is being applied, or waits: triggers, and checks of domains, may set some
};

}  // namespace replicache::engine
