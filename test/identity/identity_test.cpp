// A log of what ran as whom, for test/identity/run. It is in memory: no rollback takes it back, and code that must not write can add to it.
#include "prelude.h"

extern "C" {
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

namespace {

std::string attempt;
std::vector<std::string> runs;  // attempt, point, current user, session user, whether restricted

constexpr char separator = '\x1f';

}  // namespace

extern "C" {
PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(identity_begin);
Datum identity_begin(PG_FUNCTION_ARGS) {
    attempt = text_to_cstring(PG_GETARG_TEXT_PP(0));
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(identity_note);
Datum identity_note(PG_FUNCTION_ARGS) {
    const std::string point = text_to_cstring(PG_GETARG_TEXT_PP(0));
    Oid user;
    int context;
    GetUserIdAndSecContext(&user, &context);
    std::string run = attempt + separator + point + separator + std::to_string(user) + separator + std::to_string(GetSessionUserId()) +
                      separator + ((context & SECURITY_RESTRICTED_OPERATION) != 0 ? "t" : "f");
    if (std::find(runs.begin(), runs.end(), run) == runs.end()) runs.push_back(std::move(run));
    PG_RETURN_VOID();
}

// The run of this number, from 1; NULL behind the last one.
PG_FUNCTION_INFO_V1(identity_run);
Datum identity_run(PG_FUNCTION_ARGS) {
    const int number = PG_GETARG_INT32(0);
    if (number > static_cast<int>(runs.size())) PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(runs[number - 1].c_str()));
}

PG_FUNCTION_INFO_V1(identity_count);
Datum identity_count(PG_FUNCTION_ARGS) {
    (void)fcinfo;
    PG_RETURN_INT32(static_cast<int32>(runs.size()));
}
}
