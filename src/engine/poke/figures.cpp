#include "engine/poke/figures.h"

#include "engine/poke/area.h"
#include "pg/settings.h"

extern "C" {
#include "access/xlog.h"
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

// A worker that was asked for is there after this time, or does not come.
constexpr int coming_ms = 1000;

const char* why_there_is_none(const PokeDatabase* database) {
    if (pg::settings.poke_mode == pg::poke_mode_transaction) return "off: replicache.poke_mode is transaction";
    if (database == nullptr || database->asked == 0) return "not needed at the moment";
    if (database->refused) return "could not be started: max_worker_processes are in use";
    return TimestampDifferenceExceeds(database->asked, GetCurrentTimestamp(), coming_ms) ? "has not started: see the log of the server"
                                                                                         : "starting";
}

}  // namespace

PokeFigures poke_figures() {
    PokeFigures figures;
    if (RecoveryInProgress()) {
        figures.worker = "none on a standby";
        return figures;
    }
    PokeArea* const area = poke_area();
    if (area == nullptr) {
        figures.worker = "could not be started: " + why_no_poke_area();
        return figures;
    }
    const PokeLock lock(*area);
    const PokeDatabase* const database = area->find();
    if (database != nullptr) {
        figures.sent = database->sent;
        figures.waiting = database->count + std::count_if(std::begin(database->channels), std::end(database->channels),
                                                          [](const PokeChannel& channel) { return channel.waits(); });
        figures.coalesced = database->coalesced;
        figures.in_transaction = database->in_transaction;
        figures.worker_pid = database->pid;
    }
    figures.worker = figures.worker_pid != 0 ? "running" : why_there_is_none(database);
    return figures;
}

}  // namespace replicache::engine
