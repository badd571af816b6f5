// The meaning of an SQLSTATE. All answers are here, so that they can be compared. Plain C++: the protocols know codes, too.
//
// A code is five characters, packed into an int as PostgreSQL's MAKE_SQLSTATE does. engine/session/failure.cpp compares the two.
//
// Two kinds of questions are elsewhere. pg/defect.cpp says which errors are defects: it needs to know where in PostgreSQL an error comes
// from. protocol/powersync.cpp has the words that PowerSync uses for codes.
#pragma once

#include <string_view>

namespace replicache::sqlstate {

// 0 ("00000") unless the code has five characters.
constexpr int pack(std::string_view code) {
    constexpr std::size_t length = 5, bits = 6;
    if (code.size() != length) return 0;
    int packed = 0;
    for (std::size_t i = 0; i < length; ++i) packed |= ((code[i] - '0') & 0x3f) << (bits * i);
    return packed;
}

// The first two characters.
constexpr int class_of(int code) { return code & 0xfff; }

constexpr bool is_of_class(int code, std::string_view characters) {
    return class_of(code) == (((characters[0] - '0') & 0x3f) | ((characters[1] - '0') & 0x3f) << 6);
}

// Codes of ours.
inline constexpr std::string_view retry_later_text = "RE001";    // a mutator or a trigger asks to be called again later
inline constexpr std::string_view lost_conflict_text = "RE002";  // a conflict policy has refused the change of a row
inline constexpr std::string_view time_used_up_text = "RE003";   // the push or upload has used up its time. Nothing raises it
inline constexpr std::string_view space_away_text = "RE004";     // the space is being moved to another server, or has moved
inline constexpr int retry_later = pack(retry_later_text);
inline constexpr int lost_conflict = pack(lost_conflict_text);
inline constexpr int time_used_up = pack(time_used_up_text);
inline constexpr int space_away = pack(space_away_text);

// Codes of PostgreSQL that mean something else than the rest of their class.
inline constexpr int read_only_transaction = pack("25006");
inline constexpr int insufficient_privilege = pack("42501");
inline constexpr int undefined_column = pack("42703");
inline constexpr int generated_always = pack("428C9");
inline constexpr int object_in_use = pack("55006");
inline constexpr int lock_not_available = pack("55P03");
inline constexpr int raise_exception = pack("P0001");

// How far an error of a mutator reaches in a push.
enum class Scope {
    mutation,  // it is rejected
    push,      // the push stops before the mutation, for now
    caller,    // the whole transaction is broken or unwanted: the caller rolls back and tries again
};

// Asked by pushes (engine/push/runner.cpp, engine/session/failure.h), and by all that must not hide errors of scope `caller`.
constexpr Scope scope_of(int code) {
    if (code == retry_later || code == space_away || code == lock_not_available || code == object_in_use) return Scope::push;
    if (code == read_only_transaction) return Scope::caller;
    if (is_of_class(code, "08") ||  // connection exception
        is_of_class(code, "53") ||  // insufficient resources
        is_of_class(code, "58"))    // system error
        return Scope::push;
    if (is_of_class(code, "40") ||  // transaction rollback
        is_of_class(code, "57") ||  // operator intervention
        is_of_class(code, "XX"))    // internal error
        return Scope::caller;
    return Scope::mutation;
}

// Whether the change may succeed when the client sends it again. To call one of these errors final would drain the queues of clients.
// Asked by uploads (engine/push/upload.cpp).
//
// An upload tells more than a push: each of its transactions has a subtransaction of its own. So 40 and 57, which end a push, concern
// one transaction of an upload. 25006 and XX do not pass by themselves: they go to the caller in both. A function that raises RE003
// itself has its upload sent again, but is rejected in a push.
constexpr bool is_temporary(int code) {
    return scope_of(code) == Scope::push || is_of_class(code, "40") || is_of_class(code, "57") || code == time_used_up;
}

// Whether the time is over, or somebody has cancelled the statement. Asked by uploads, which do not try again then.
constexpr bool is_cancel(int code) { return is_of_class(code, "57"); }

// Whether the server failed, whatever the value that was read. The message is left alone then. Asked by pg/json/column_input.cpp.
//
// Unlike for pushes and uploads, 08 and 55 count as errors of the value: they come from the check of a domain, which the message names.
constexpr bool is_about_the_server(int code) {
    return is_of_class(code, "40") || is_of_class(code, "53") || is_of_class(code, "57") || is_of_class(code, "58") ||
           is_of_class(code, "XX");
}

// Whether a text is no value of a type, or not of its domain. Asked by the writer of rows.
constexpr bool is_no_value(int code) { return is_of_class(code, "22") || is_of_class(code, "23"); }

// Whether the client's data is wrong. All other errors go to the caller, also rights and missing tables, which a push would reject:
// the protocol has no answer for them. Asked by engine/last_mutation_at/push.cpp.
constexpr bool is_about_the_data(int code) {
    return is_no_value(code) || is_of_class(code, "54") ||  // program limit exceeded: of the size of index entries, for example
           code == undefined_column || code == generated_always || code == raise_exception;
}

// Whether an expression or a query does not fit its table any more. Asked by engine/table/row_watch.cpp and
// engine/tracking/altered_columns.cpp.
constexpr bool is_about_definition(int code) { return is_of_class(code, "42") && code != insufficient_privilege; }

// Whether an expression fails for some row. Asked by engine/table/row_watch.cpp.
constexpr bool is_about_rows(int code) {
    return is_of_class(code, "22") || is_of_class(code, "21") || is_of_class(code, "P0") || is_about_definition(code);
}

// Whether the error is about what a table's expressions do, or its rows and rights. It is not where the answer is too large (54), or the
// table was altered meanwhile (55). Asked by engine/pull/pull.cpp.
constexpr bool is_about_the_table(int code) {
    return scope_of(code) == Scope::mutation && !is_of_class(code, "54") && !is_of_class(code, "55");
}

}  // namespace replicache::sqlstate
