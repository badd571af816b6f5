#include "engine/rows/row_changes.h"

namespace replicache::engine {

bool RowChanges::apply(const RowChange& change) {
    auto writer = find(change);
    if (writer != writer_) {
        if (has_pending()) {
            if (!write()) return false;
            writer = find(change);  // writing may have called code that alters the table
        }
        use(std::move(writer));
    }
    if (!settings_) settings_.emplace();
    const auto parsed = parse(writer_->shape(), change);
    if (!parsed) return false;
    if (!writer_->fits(*parsed)) {
        if (!write()) return false;
        settings_.emplace();
    }
    if (!writer_->add(*parsed) || mode_ == Mode::one_by_one) return write(Timing::immediate);
    deferred_ = true;
    return true;
}

bool RowChanges::write() { return !has_pending() || write(Timing::deferred); }

std::shared_ptr<RowWriter> RowChanges::find(const RowChange& change) { return require_row_writer(change.table, RowExclusiveLock); }

std::optional<ParsedChange> RowChanges::parse(const TableShape& shape, const RowChange& change) { return parse_change(shape, change); }

bool RowChanges::write_pending(RowWriter& writer, Timing timing, std::optional<pg::PgError>& error) {
    if (writer.write(timing, error)) return true;
    // The caller would take the change for applied.
    if (!error && mode_ == Mode::one_by_one) throw pg::SqlError(ERRCODE_INTERNAL_ERROR, "a single change needs to be written one by one");
    return false;
}

bool RowChanges::write(Timing timing) {
    if (!write_pending(*writer_, timing, error_)) return false;
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

std::optional<pg::PgError> apply_one(const RowChange& change) {
    RowChanges rows(RowChanges::Mode::one_by_one, [] {});
    std::ignore = rows.apply(change);  // true, or there is an error
    return rows.take_error();
}

}  // namespace replicache::engine
