// A subtransaction around a piece of C++. It does what the exception block of plpgsql does (exec_stmt_block in pl_exec.c).
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// A subtransaction changes the current memory context and resource owner. This class puts them back after it.
class Subtransaction {
public:
    Subtransaction() : context_(CurrentMemoryContext), owner_(CurrentResourceOwner) {
        guarded([context = context_] {
            BeginInternalSubTransaction(nullptr);
            MemoryContextSwitchTo(context);
        });
    }
    void commit() {
        guarded([] { ReleaseCurrentSubTransaction(); });
        restore();
    }
    void roll_back() {
        guarded([] { RollbackAndReleaseCurrentSubTransaction(); });
        restore();
    }

private:
    void restore() {
        MemoryContextSwitchTo(context_);
        CurrentResourceOwner = owner_;
    }

    MemoryContext context_;
    ResourceOwner owner_;
};

// Whether the work of f takes effect.
enum class Ending { commit, undo };

// Runs f in a subtransaction: everything that it does takes effect, or nothing. f fails by throwing, or by returning an error if its type
// has one. If f returns an Ending, its work can be undone without an error, too. Returns the error that has rolled it back, if any.
template <class F>
std::optional<PgError> attempt(F&& f) {
    std::optional<PgError> error;
    Subtransaction subtransaction;
    try {
        using Result = std::invoke_result_t<F&>;
        Ending ending = Ending::commit;
        if constexpr (std::is_void_v<Result>)
            f();
        else if constexpr (std::is_same_v<Result, Ending>)
            ending = f();
        else
            error = f();
        if (!error && ending == Ending::commit) {
            subtransaction.commit();
            return error;
        }
    } catch (PgError& e) {
        error.emplace(std::move(e));
    } catch (const SqlError& e) {
        error.emplace(PgError::make(e));
    } catch (const std::bad_alloc&) {
        error.emplace(PgError::make(SqlError(ERRCODE_OUT_OF_MEMORY, "out of memory")));
    }
    subtransaction.roll_back();
    return error;
}

}  // namespace replicache::pg
