// The meaning of an error of a mutator, or of a row that was written, for the client that sent it.
#pragma once

#include "base/sqlstate.h"
#include "model/batch.h"
#include "pg/border.h"

namespace replicache::engine {

using sqlstate::Scope;

// Whether a mutation that has met the defect waits until the defect is fixed, by replicache.on_defect.
bool halts(pg::Defect defect);
// The scope, defects considered.
Scope scope_of(const pg::PgError& error);

// One line in the server's log that a mutation waits because of a defect; at most one a minute for the same cause.
void log_defect(const std::string& mutation, const std::string& client_id, const Failure& failure);

// Likewise, that pulls leave the table out.
void log_broken_table(Oid table, const Failure& failure);

// The error as a client may read it.
Failure failure_of(const pg::PgError& error);

// Whether PostgreSQL did not find an object by its OID. The object was dropped while it was used: PostgreSQL does not lock functions, types
// and operators that are in use.
bool is_about_the_dropped(const pg::PgError& error);
[[noreturn]] void refuse_dropped(const pg::PgError& error);

// Calls f, and makes such an error, which is an internal one, the 40001 that says what to do.
template <class F>
auto despite_drops(F&& f) -> std::invoke_result_t<F&> {
    try {
        return f();
    } catch (const pg::PgError& error) {
        if (!is_about_the_dropped(error)) throw;
        refuse_dropped(error);
    }
}

}  // namespace replicache::engine
