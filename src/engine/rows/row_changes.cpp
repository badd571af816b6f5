#include "engine/rows/row_changes.h"

namespace replicache::engine {

bool RowChanges::apply(const RowChange& change) {
    auto writer = require_row_writer(change.table, RowExclusiveLock);
    if (writer != writer_) {
        if (has_pending()) {
            if (!write()) return false;
            writer = require_row_writer(change.table, RowExclusiveLock);  // writing may have called code that alters the table
        }
        use(std::move(writer));
    }
    if (!settings_) settings_.emplace();
    const ParsedChange parsed = parse_change(writer_->shape(), change);
    if (!writer_->fits(parsed)) {
        if (!write()) return false;
        settings_.emplace();
    }
    writer_->add(parsed);
    if (mode_ == Mode::one_by_one || !writer_->may_defer()) return write(Timing::immediate);
    deferred_ = true;
    return true;
}

bool RowChanges::write() { return !has_pending() || write(Timing::deferred); }

bool RowChanges::write(Timing timing) {
    if (!writer_->write(timing)) {
        // The caller would take the change for applied.
        if (mode_ == Mode::one_by_one) throw pg::SqlError(ERRCODE_INTERNAL_ERROR, "a single change needs to be written one by one");
        return false;
    }
    written_();
    settings_->restore();
    settings_.reset();
    return true;
}

void RowChanges::use(std::shared_ptr<RowWriter> writer) {
    release();
    writer->begin();
    writer_ = std::move(writer);
}

void RowChanges::release() {
    if (writer_) writer_->end();
    writer_.reset();
    settings_.reset();
}

void apply_one(const RowChange& change) {
    std::ignore = RowChanges(
                      RowChanges::Mode::one_by_one, [] {})
                      .apply(change);  // true, or it throws
}

}  // namespace replicache::engine
