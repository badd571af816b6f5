// The body of a function in SQL that is one INSERT, UPDATE or DELETE of its parameters, as a statement that makes many calls.
//
// It reads the arguments from the table "waiting" of pg::WaitingRows, one row per call. Compare fmgr_sql in executor/functions.c, which
// makes a single call.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

struct BodyStatement {
    Query* query = nullptr;  // rewritten; null: the calls must be made one by one
    const char* source = "";
    // The parameters, from 0, that say which row a call writes. Two calls with the same ones need two statements. Empty: each call writes a
    // row of its own.
    std::array<int, INDEX_MAX_KEYS> key{};
    int key_length = 0;
};

// Locks the table that the function writes, until the end of the (sub)transaction, and looks whether one statement for many calls has the
// same outcome as the calls one by one. That holds for the calling role, and as long as nothing that the statement names changes. `row`:
// the types of the parameters. Memory comes from the current context. Throws what is wrong with the body.
BodyStatement body_statement(HeapTuple function, TupleDesc row);

}  // namespace replicache::engine
