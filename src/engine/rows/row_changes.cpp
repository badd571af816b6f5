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
    writer_->read(change);
    if (!writer_->fits()) {
        write();
        settings_.emplace();
    }
    writer_->add();
    if (together_ && writer_->may_wait()) {
        put_off_ = true;
        return;
    }
    writer_->write(false);
    settled();
}

void RowChanges::write() {
    if (!waiting()) return;
    writer_->write(true);
    settled();
}

void RowChanges::settled() {
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
