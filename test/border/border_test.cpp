// A module of its own that drives errors of every kind through the border of src/pg, for test/border/run.
#include "pg/border.h"
#include "pg/subtransaction.h"

#include <malloc.h>

using namespace replicache::pg;

namespace {

int live = 0;  // objects that a skipped destructor would leave behind

struct Counted {
    Counted() : text(64, 'x') { ++live; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --live; }
    std::string text;  // on the heap, so that a leak shows there, too
};

[[noreturn]] void postgresql_error() {
    ereport(ERROR, (errcode(MAKE_SQLSTATE('R', 'T', '0', '0', '1')), errmsg("raised by PostgreSQL"), errdetail("The detail."),
                    errhint("The hint.")));
    pg_unreachable();
}

void raise_kind(std::string_view kind) {
    const Counted outer;
    if (kind == "postgresql") guarded([] { postgresql_error(); });
    if (kind == "nested") {  // C++ → PostgreSQL → C++ → PostgreSQL, and the error all the way back
        guarded([] {
            entry([] {
                const Counted inner;
                guarded([] { postgresql_error(); });
            });
        });
    }
    if (kind == "own") throw SqlError(MAKE_SQLSTATE('R', 'T', '0', '0', '2'), "raised by us", "The detail.", "The hint.");
    if (kind == "exception") throw std::runtime_error("a C++ exception");
    if (kind == "unknown") throw 42;
    if (kind == "bad_alloc") throw std::bad_alloc();
    if (kind == "allocator")  // malloc itself refuses
        guarded([] { MemoryContextAllocHuge(CurrentMemoryContext, MaxAllocHugeSize / 2); });
    if (kind == "palloc") guarded([] { palloc(MaxAllocSize + 1); });
    if (kind == "caught") {  // a subtransaction takes the error, and the transaction goes on
        const auto error = attempt([] {
            const Counted inner;
            guarded([] { postgresql_error(); });
        });
        if (!error || std::string_view(error->data().hint) != "The hint.") throw std::runtime_error("the error was lost");
    }
}

}  // namespace

extern "C" {
PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(border_raise);
Datum border_raise(PG_FUNCTION_ARGS) {
    return entry([fcinfo] {
        const text* kind = guarded([fcinfo] { return PG_GETARG_TEXT_PP(0); });
        raise_kind({VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind)});
        PG_RETURN_VOID();
    });
}

PG_FUNCTION_INFO_V1(border_live_objects);
Datum border_live_objects(PG_FUNCTION_ARGS) {
    (void)fcinfo;
    PG_RETURN_INT32(live + std::uncaught_exceptions() + (std::current_exception() != nullptr ? 1 : 0));
}

PG_FUNCTION_INFO_V1(border_heap_bytes);
Datum border_heap_bytes(PG_FUNCTION_ARGS) {
    (void)fcinfo;
    const struct mallinfo2 heap = mallinfo2();
    PG_RETURN_INT64(static_cast<int64>(heap.uordblks + heap.hblkhd));
}

// Takes as many places for callbacks as another extension would.
PG_FUNCTION_INFO_V1(border_take_callbacks);
Datum border_take_callbacks(PG_FUNCTION_ARGS) {
    return entry([fcinfo] {
        guarded([fcinfo] {
            for (int i = 0; i < PG_GETARG_INT32(0); ++i) CacheRegisterRelcacheCallback([](Datum, Oid) {}, 0);
        });
        PG_RETURN_VOID();
    });
}
}
