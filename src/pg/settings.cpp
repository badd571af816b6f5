#include "pg/settings.h"

namespace replicache::pg {

Settings settings;

namespace {

const config_enum_entry on_defect[] = {
    {"auto", on_defect_auto, false},
    {"halt", on_defect_halt, false},
    {"reject", on_defect_reject, false},
    {nullptr, 0, false},
};

// A notification channel is an identifier (Async_Notify in commands/async.c).
extern "C" bool check_poke_channel(char** value, void**, GucSource) {
    if (std::strlen(*value) < NAMEDATALEN) return true;
    GUC_check_errdetail("A notification channel has at most %d bytes.", NAMEDATALEN - 1);
    return false;
}

bool defining = false;

// A version may be any string without a comma; one with a semicolon is rather two in a list of another kind. Of a value that has been set
// elsewhere, PostgreSQL would take the default instead, which allows every version: such a one stays as it is.
extern "C" bool check_schema_versions(char** value, void**, GucSource source) {
    if (defining || source < PGC_S_INTERACTIVE || *value == nullptr || std::strchr(*value, ';') == nullptr) return true;
    GUC_check_errdetail("It is one list of versions, with \",\" between them.");
    GUC_check_errhint("Write '1,2' instead of '1;2'.");
    return false;
}

}  // namespace

void define_settings(const config_enum_entry* clocks) {
    defining = true;
    DefineCustomEnumVariable("replicache.default_clock", "Clock of spaces that come into being on first use.", nullptr,
                             &settings.default_clock, clocks->val, clocks, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("replicache.mutation_timeout", "Longest time a mutator may run before its mutation is rejected.",
                            "0 means no limit.", &settings.mutation_timeout, 0, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr,
                            nullptr);
    DefineCustomEnumVariable(
        "replicache.on_defect", "What becomes of a mutation that meets a mistake of the server's set-up.",
        "halt: it waits until that is mended. reject: it is rejected. auto: it waits if the client cannot be to blame.",
        &settings.on_defect, on_defect_auto, on_defect, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("replicache.optimistic_runs", "Runs many mutations in one subtransaction, and replays some when one fails.",
                             "Turn it off for mutators with effects outside the transaction: then each runs once.",
                             &settings.optimistic_runs, true, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomStringVariable("replicache.poke_channel", "Channel of the NOTIFY that a transaction sends when it changed a space.",
                               "Empty turns it off.", &settings.poke_channel, "replicache", PGC_USERSET, 0, check_poke_channel, nullptr,
                               nullptr);
    DefineCustomBoolVariable("replicache.poke_names", "Names the space that has changed, and its version, in the NOTIFY.",
                             "Off: every role can listen, and shall not learn which spaces there are.", &settings.poke_names, true,
                             PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("replicache.push_time", "Time after which a push stops before its next mutation; what it has done stands.",
                            "-1 means half of what statement_timeout leaves, 0 means no limit.", &settings.push_time, -1, -1, INT_MAX,
                            PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomStringVariable("replicache.schema_versions", "Comma-separated schema versions that requests may have.", "Empty means any.",
                               &settings.schema_versions, "", PGC_USERSET, 0, check_schema_versions, nullptr, nullptr);
    DefineCustomBoolVariable("replicache.set_wise", "Writes several changes of rows by one statement, where that makes no difference.",
                             "For tests: the outcome is the same.", &settings.set_wise, true, PGC_USERSET, GUC_NOT_IN_SAMPLE, nullptr,
                             nullptr, nullptr);
    DefineCustomBoolVariable("replicache.skip_broken_tables", "Leaves a tracked table out of pulls while its expressions fail.",
                             "Its rows come with a later pull, once they can be read. Off: the pull fails.", &settings.skip_broken_tables,
                             false, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("replicache");
    defining = false;
}

}  // namespace replicache::pg
