// Makes the moment last in which a transaction has committed, and has not told other sessions yet which of their caches are stale.
#include "prelude.h"

extern "C" {
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

#include <unistd.h>

namespace {

char gate[MAXPGPATH];  // empty: this transaction is not held

// In CommitTransaction, this comes behind ProcArrayEndTransaction and before AtEOXact_Inval. The locks are held, too.
void at_end(XactEvent event, void*) {
    if (event == XACT_EVENT_COMMIT && gate[0] != '\0')
        for (int tries = 0; tries < 12000 && access(gate, F_OK) == 0; ++tries) pg_usleep(10000);
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT) gate[0] = '\0';
}

}  // namespace

extern "C" {
PG_MODULE_MAGIC;

// Holds the commit of this transaction while there is a file of this name.
PG_FUNCTION_INFO_V1(hold_commit);
Datum hold_commit(PG_FUNCTION_ARGS) {
    static bool registered = false;
    if (!registered) RegisterXactCallback(at_end, nullptr);
    registered = true;
    text_to_cstring_buffer(PG_GETARG_TEXT_PP(0), gate, sizeof gate);
    PG_RETURN_VOID();
}
}
