#include "engine/rows/row_changes.h"

namespace replicache::engine {

void RowChanges::apply(const RowChange& change) {
    auto writer = find_row_writer(change.table, RowExclusiveLock);
    if (writer != writer_) {
        if (waiting()) {
            write();  // which may call what alters the next table
            writer = find_row_writer(change.table, RowExclusiveLock);
        }
        use(std::move(writer));
    }
    if (!settings_) settings_.emplace();
    const ParsedChange parsed = parse_change(writer_->shape(), change);
    if (!writer_->fits(parsed)) {
        write();
        settings_.emplace();
    }
    writer_->add(parsed);
    if (together_ && writer_->may_defer()) {
        put_off_ = true;
        return;
    }
    write_now(Timing::immediate);
}

void RowChanges::write() {
    if (!waiting()) return;
    write_now(Timing::deferred);
}

void RowChanges::write_now(Timing timing) {
    if (!writer_->write(timing)) throw pg::SqlError(ERRCODE_FEATURE_NOT_SUPPORTED, "rows are to be written one by one");
    written_();
    settings_->restore();
    settings_.reset();
}

void RowChanges::use(std::shared_ptr<RowWriter> writer) {
    write();
    release();
    writer->begin();
    writer_ = std::move(writer);
}

void RowChanges::release() {
    if (writer_) writer_->end();
    writer_.reset();
    settings_.reset();
}

}  // namespace replicache::engine
