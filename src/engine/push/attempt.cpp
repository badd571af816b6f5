#include "engine/push/attempt.h"

#include "engine/mutators/mutator.h"
#include "engine/session/constraints.h"
#include "pg/settings_scope.h"

namespace replicache::engine {

Attempt::Attempt(RowChanges::Mode mode) : mode_(mode), rows_(mode, check_deferred_constraints) {}

std::optional<pg::PgError> Attempt::apply(const RowChange& change) { return error_of_rows(rows_.apply(change)); }

// The error of rows, which have been applied, or have not. If they have none then, one statement cannot write them.
std::optional<pg::PgError> Attempt::error_of_rows(bool applied) {
    if (applied) return std::nullopt;
    auto error = rows_.take_error();
    undo = !error;
    return error;
}

void Attempt::start_calls(const std::shared_ptr<Mutator>& mutator) {
    const bool before = std::exchange(has_deferred_calls_, true);
    calls_ = mutator->start_group();
    if (calls_) mutator_ = mutator;
    has_deferred_calls_ = before || calls_;
}

std::optional<pg::PgError> Attempt::add_call(std::string_view args) {
    if (calls_->add(args)) return std::nullopt;
    if (auto error = make_calls(); error || undo) return error;
    undo = !calls_->add(args);  // never: no other waits
    return std::nullopt;
}

std::optional<pg::PgError> Attempt::make_calls() {
    pg::SettingsScope settings;
    std::optional<pg::PgError> error;
    undo = !calls_->make(error) && !error;
    if (error || undo) return error;
    check_deferred_constraints();
    settings.restore();
    return std::nullopt;
}

std::optional<pg::PgError> Attempt::finish() {
    if (!calls_) return error_of_rows(rows_.write());
    auto error = make_calls();
    if (!error && !undo) calls_.reset();
    return error;
}

void Attempt::release() {
    rows_.release();
    calls_.reset();
}

}  // namespace replicache::engine
