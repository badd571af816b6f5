// One bug of each kind that the instrumented servers of make check-all are there to catch. Loaded by test/planted/run only.
#include "prelude.h"

extern "C" {
PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(after_delete);
PG_FUNCTION_INFO_V1(after_pfree);
PG_FUNCTION_INFO_V1(never_written);
PG_FUNCTION_INFO_V1(overflow);
PG_FUNCTION_INFO_V1(assertion);

Datum after_delete(PG_FUNCTION_ARGS) {
    int* volatile number = new int(1);
    delete number;
    PG_RETURN_INT32(*number);
}

Datum after_pfree(PG_FUNCTION_ARGS) {
    char* volatile text = static_cast<char*>(palloc0(100));
    pfree(text);
    PG_RETURN_INT32(text[50] == '\0' ? 1 : 0);
}

Datum never_written(PG_FUNCTION_ARGS) {
    char* volatile text = static_cast<char*>(palloc(100));
    PG_RETURN_INT32(text[50] == '\0' ? 1 : 0);
}

Datum overflow(PG_FUNCTION_ARGS) {
    volatile int number = std::numeric_limits<int>::max();
    PG_RETURN_INT32(number + 1);
}

Datum assertion(PG_FUNCTION_ARGS) {
    Assert(fcinfo->nargs == 1);
    PG_RETURN_INT32(1);
}
}
