// The interface of everything that a mutation can call.
#pragma once

#include "model/row_change.h"
#include "pg/border.h"

namespace replicache::engine {

// How often the calls of a mutator have failed lately.
class FailureRate {
public:
    void count(bool failed) {
        if (failed) ++failures_;
        if (++calls_ < lately) return;
        calls_ /= 2;
        failures_ /= 2;
    }

    // Whether a call is too risky for a subtransaction that has so many calls already. If it fails, they are made again. That is compared
    // with the cost of another subtransaction.
    bool endangers(std::size_t calls) const { return failures_ * calls * subtransactions_per_call >= calls_ && failures_ > 0; }

private:
    static constexpr std::size_t lately = 128;                   // calls
    static constexpr std::size_t subtransactions_per_call = 12;  // that cost as much as a call of a small mutator

    std::size_t calls_ = 0;
    std::size_t failures_ = 0;
};

class CallGroup;

// A mutator ready to be called: a function, or an operation on an exposed table.
class Mutator {
public:
    virtual ~Mutator() = default;

    // Throws 42501 unless the calling role may execute it. That is a mistake of the set-up, and no mutation should be lost because of it.
    virtual void check_privilege() const = 0;
    // Calls it with the JSON text of the args (empty: absent). Memory comes from the current context. An error that it raises is returned
    // or thrown. Throws when the args do not fit. After an error, the caller must roll back. `result` gets the JSON text, in UTF-8, of what
    // the mutator returns; it is empty when that is NULL, or neither json nor jsonb.
    virtual std::optional<pg::PgError> call(std::string_view args, std::string* result = nullptr) = 0;
    // The change of a row that a call with these args would make. Nullopt: the mutator is a function.
    virtual std::optional<RowChange> row_change(std::string_view) const { return std::nullopt; }
    // What makes several calls by one statement. Null: they must be made one by one.
    virtual std::unique_ptr<CallGroup> start_group();

    FailureRate failure_rate{};
};

}  // namespace replicache::engine
