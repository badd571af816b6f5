// The border between C++ and PostgreSQL, one guard each way.
//
// PostgreSQL's errors are longjmps, which skip C++ destructors. C++ exceptions cannot pass through PostgreSQL's frames. So:
// - `guarded` wraps a call from C++ into PostgreSQL. A PostgreSQL error comes out of it as a PgError exception.
// - `error_of` does the same, but returns the PgError.
// - `entry` wraps the body of everything that PostgreSQL calls. An exception comes out of it as a PostgreSQL error.
// Compare PG_TRY in utils/elog.h, which does the same for C.
#pragma once

#include "pg/error.h"

namespace replicache::pg {

// Calls f, which may raise PostgreSQL errors and so must hold nothing that has a destructor. Returns the error. It is for places where
// errors are common: throwing a C++ exception costs several times as much as everything else about an error.
template <class F>
std::optional<PgError> error_of(F&& f) {
    sigjmp_buf* const outer_stack = PG_exception_stack;
    ErrorContextCallback* const outer_callbacks = error_context_stack;
    const MemoryContext outer_context = CurrentMemoryContext;
    ResourceOwner const outer_owner = CurrentResourceOwner;  // the lock of a sequence, for one, changes it for a while
    sigjmp_buf here;
    if (sigsetjmp(here, 0) == 0) {
        PG_exception_stack = &here;
        f();
        PG_exception_stack = outer_stack;
        return std::nullopt;
    }
    PG_exception_stack = outer_stack;
    error_context_stack = outer_callbacks;
    MemoryContextSwitchTo(outer_context);
    CurrentResourceOwner = outer_owner;
    return PgError::take();
}

// The same, but throws the PgError.
template <class F>
auto guarded(F&& f) -> std::invoke_result_t<F&> {
    using Result = std::invoke_result_t<F&>;
    static_assert(std::is_void_v<Result> || std::is_trivially_copyable_v<Result>);
    if constexpr (std::is_void_v<Result>) {
        if (auto error = error_of(f)) throw std::move(*error);
    } else {
        Result result{};
        if (auto error = error_of([&] { result = f(); })) throw std::move(*error);
        return result;
    }
}

// CHECK_FOR_INTERRUPTS for C++: cancel and termination come out as PgError.
inline void check_interrupts() {
    if (INTERRUPTS_PENDING_CONDITION()) guarded([] { ProcessInterrupts(); });
}

// Turns the exception being handled into the PostgreSQL error to raise. Call it in a catch block only.
ErrorData* current_exception_as_error() noexcept;

// Calls f, the body of an entry point. The error is raised after the catch block, because a longjmp out of the block would leak the
// exception.
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
