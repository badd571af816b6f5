// The border between C++ and PostgreSQL, one guard each way.
//
// PostgreSQL's errors are longjmps, which skip C++ destructors; C++ exceptions know nothing of PostgreSQL's frames. So:
// - `guarded` wraps a call from C++ into PostgreSQL: an error comes out of it as a PgError exception;
// - `entry` wraps the body of everything that PostgreSQL calls: an exception comes out of it as a PostgreSQL error.
// Compare PG_TRY in utils/elog.h, which does the same for C.
#pragma once

#include "pg/error.h"

namespace replicache::pg {

// Calls f, which may raise PostgreSQL errors and so must hold nothing that has a destructor. Throws PgError.
template <class F>
auto guarded(F&& f) -> std::invoke_result_t<F&> {
    using Result = std::invoke_result_t<F&>;
    static_assert(std::is_void_v<Result> || std::is_trivially_copyable_v<Result>);
    sigjmp_buf* const outer_stack = PG_exception_stack;
    ErrorContextCallback* const outer_callbacks = error_context_stack;
    const MemoryContext outer_context = CurrentMemoryContext;
    sigjmp_buf here;
    if (sigsetjmp(here, 0) == 0) {
        PG_exception_stack = &here;
        if constexpr (std::is_void_v<Result>) {
            f();
            PG_exception_stack = outer_stack;
            return;
        } else {
            Result result = f();
            PG_exception_stack = outer_stack;
            return result;
        }
    }
    PG_exception_stack = outer_stack;
    error_context_stack = outer_callbacks;
    MemoryContextSwitchTo(outer_context);
    throw PgError::take();
}

// CHECK_FOR_INTERRUPTS for C++: cancel and termination come out as PgError.
inline void check_interrupts() {
    if (INTERRUPTS_PENDING_CONDITION()) guarded([] { ProcessInterrupts(); });
}

// Turns the exception being handled into the PostgreSQL error to raise. Call it in a catch block only.
ErrorData* current_exception_as_error() noexcept;

// Calls f, the body of an entry point. The error leaves the catch block first and is raised after it: raised inside, the
// longjmp would leak the exception.
template <class F>
auto entry(F&& f) -> std::invoke_result_t<F&> {
    static_assert(std::is_trivially_destructible_v<std::remove_reference_t<F>>);
    ErrorData* error;
    try {
        return f();
    } catch (...) {
        error = current_exception_as_error();
    }
    raise(error);
}

}  // namespace replicache::pg
