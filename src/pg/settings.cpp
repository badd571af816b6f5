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

const config_enum_entry poke_mode[] = {
    {"worker", poke_mode_worker, false},
    {"transaction", poke_mode_transaction, false},
    {nullptr, 0, false},
};

// A notification channel is an identifier (Async_Notify in commands/async.c).
extern "C" bool check_poke_channel(char** value, void**, GucSource) {
    if (std::strlen(*value) < NAMEDATALEN) return true;
    GUC_check_errdetail("A notification channel has at most %d bytes.", NAMEDATALEN - 1);
    return false;
}

bool defining = false;

// A version may be any text without a comma. A semicolon in a new value is most likely meant to separate two versions, so it is refused. A
// value that was set before stays as it is: PostgreSQL would replace it by the default, which allows every version.
extern "C" bool check_schema_versions(char** value, void**, GucSource source) {
    if (defining || source < PGC_S_INTERACTIVE || *value == nullptr || std::strchr(*value, ';') == nullptr) return true;
    GUC_check_errdetail("Versions are separated by commas.");
    GUC_check_errhint("Write '1,2' instead of '1;2'.");
    return false;
}

void add(const char* name, const char* purpose, const char* more, bool* value, bool initially, int flags = 0) {
    DefineCustomBoolVariable(name, purpose, more, value, initially, PGC_USERSET, flags, nullptr, nullptr, nullptr);
}

void add_time(const char* name, const char* purpose, const char* more, int* value, int initially, int least) {
    DefineCustomIntVariable(name, purpose, more, value, initially, least, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
}

void add(const char* name, const char* purpose, const char* more, char** value, const char* initially, GucStringCheckHook check) {
    DefineCustomStringVariable(name, purpose, more, value, initially, PGC_USERSET, 0, check, nullptr, nullptr);
}

void add(const char* name, const char* purpose, const char* more, int* value, int initially, const config_enum_entry* choices) {
    DefineCustomEnumVariable(name, purpose, more, value, initially, choices, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

}  // namespace

void define_settings(const config_enum_entry* clocks) {
    defining = true;
    add("replicache.default_clock", "Sets the clock of spaces that are created on first use.", nullptr, &settings.default_clock,
        clocks->val, clocks);
    add_time("replicache.mutation_timeout", "Sets the maximum time that a mutator may run.",
             "A mutation that takes longer is rejected. 0 means no limit.", &settings.mutation_timeout, 0, 0);
    add("replicache.on_defect", "Sets what happens to a mutation that meets a mistake in the setup of the server.",
        "halt: it waits until the mistake is fixed. reject: it is rejected. auto: it waits unless the client can be to blame.",
        &settings.on_defect, on_defect_auto, on_defect);
    add("replicache.optimistic_runs", "Runs many mutations in one subtransaction, and runs some of them again when one fails.",
        "Turn it off for mutators with effects outside the transaction. Then each mutation runs once.", &settings.optimistic_runs, true);
    DefineCustomIntVariable("replicache.page_size", "Sets the size of an answer to a pull from which the rest comes in further pages.",
                            "Changes are never held back, only rows that the client has not got yet. 0 means that answers have one page.",
                            &settings.page_size, 0, 0, 1 << 20, PGC_USERSET, GUC_UNIT_KB, nullptr, nullptr, nullptr);
    add("replicache.poke_channel", "Sets the channel of the NOTIFY that a transaction sends when it has changed a space.",
        "An empty text turns notifications off.", &settings.poke_channel, "replicache", check_poke_channel);
    add("replicache.poke_mode", "Sets who sends the NOTIFY for a change.",
        "worker: a background worker, after the commit. transaction: the transaction itself. Then transactions commit one at a time.",
        &settings.poke_mode, poke_mode_worker, poke_mode);
    add("replicache.poke_names", "Puts the name of the changed space and its version into the NOTIFY.",
        "Every role can listen. Turn it off if roles must not learn which spaces exist.", &settings.poke_names, true);
    DefineCustomIntVariable("replicache.poke_worker_idle", "Sets the time after which a worker that has no pokes to send ends.",
                            "DROP DATABASE and the like wait for the worker, but not longer than 5 s.", &settings.poke_worker_idle, 1000, 0,
                            INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    add_time("replicache.push_time", "Sets the time after which a push stops before its next mutation.",
             "What it has done stays done. -1 means half of what statement_timeout leaves, 0 means no limit.", &settings.push_time, -1, -1);
    add("replicache.schema_versions", "Sets the schema versions that requests may have, separated by commas.",
        "An empty text allows every version.", &settings.schema_versions, "", check_schema_versions);
    add("replicache.set_wise", "Writes several changes of rows by one statement, where the outcome is the same.",
        "Only tests need to turn it off.", &settings.set_wise, true, GUC_NOT_IN_SAMPLE);
    add("replicache.skip_broken_tables", "Leaves a tracked table out of pulls while its rows cannot be read.",
        "Its rows come with a later pull. If this is off, the pull fails.", &settings.skip_broken_tables, false);
    MarkGUCPrefixReserved("replicache");
    defining = false;
}

}  // namespace replicache::pg
