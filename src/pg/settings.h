// The settings (GUCs) of the extension.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

struct Settings {
    char* poke_channel;       // replicache.poke_channel: empty turns pokes off
    int poke_mode;            // replicache.poke_mode: a PokeMode
    bool poke_names;          // replicache.poke_names: pokes name the space
    int poke_worker_idle;     // replicache.poke_worker_idle: milliseconds
    int default_clock;        // replicache.default_clock: a value of the list that define_settings gets
    int on_defect;            // replicache.on_defect: an OnDefect
    char* schema_versions;    // replicache.schema_versions: comma-separated; empty: any
    bool optimistic_runs;     // replicache.optimistic_runs: many mutations in one subtransaction
    bool set_wise;            // replicache.set_wise: one statement for several changes of rows
    int page_size;            // replicache.page_size: kB; 0: answers to pulls have one page
    int push_time;            // replicache.push_time: milliseconds; 0: none; -1: half of statement_timeout
    bool skip_broken_tables;  // replicache.skip_broken_tables: in pulls
    int mutation_timeout;     // replicache.mutation_timeout: milliseconds; 0: none
};
extern Settings settings;

// Which mutations are halted, not rejected: those that have met a certain defect, those that have met a certain or possible one, none. See
// error.h.
enum OnDefect : int { on_defect_auto, on_defect_halt, on_defect_reject };

// Who sends pokes: a worker after the commit, or the transaction itself.
enum PokeMode : int { poke_mode_worker, poke_mode_transaction };

// `clocks`: the values of replicache.default_clock. The first one is the default. The list is kept.
void define_settings(const config_enum_entry* clocks);

}  // namespace replicache::pg
