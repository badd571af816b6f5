#include "engine/poke/worker.h"

#include "engine/poke/payload.h"
#include "pg/compat.h"
#include "pg/settings.h"

extern "C" {
#include "access/xact.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

constexpr const char* worker_type = "replicache poke worker";
constexpr int pause_ms = 1;         // between two batches: what comes meanwhile goes out together
constexpr int retry_ms = 1000;      // after an error
constexpr int poll_ms = 5;          // for the ends of prepared transactions, at first
constexpr int max_poll_ms = 1000;   // later
constexpr int last_wait_ms = 1000;  // for transactions that are announced, when the worker must end

PokeArea* area;
PokeDatabase* mine;  // null: this process is not the worker of its database (any more)

// A notification that is to be sent.
struct Notification {
    int channel;
    std::string payload;
};

// The notes that were there at one time, as notifications. What is taken stays in the area until it has been sent.
struct Batch {
    std::vector<Notification> notifications;
    char channels[PokeDatabase::max_channels][NAMEDATALEN];
    std::uint32_t for_everyone[PokeDatabase::max_channels];
    std::int64_t notes, spaces;  // how many there were, and of how many spaces
};

// Of the notes of one space, the one with the newest version goes out.
std::vector<Notification> notifications_of(std::string_view notes) {
    struct Newest {
        std::size_t place;
        std::int64_t version;
    };
    std::unordered_map<std::string, Newest> newest;
    std::vector<Note> kept;
    for_each_note(notes, [&](const Note& note) {
        std::string key(1, static_cast<char>(note.channel));
        key += note.space;
        const auto [at, added] = newest.try_emplace(std::move(key), Newest{kept.size(), note.version});
        if (added)
            kept.push_back(note);
        else
            kept[at->second.place].version = std::max(kept[at->second.place].version, note.version);
    });
    std::vector<Notification> notifications;
    notifications.reserve(kept.size());
    for (const Note& note : kept) notifications.push_back({note.channel, pg::guarded([&note] { return payload_of(note); })});
    return notifications;
}

Batch take_batch() {
    Batch batch{};
    std::string notes(PokeDatabase::notes_size, '\0');
    {
        const PokeLock lock(*area);
        std::memcpy(notes.data(), mine->notes, mine->length);
        notes.resize(mine->taken = mine->length);
        batch.notes = mine->count;
        for (int i = 0; i < PokeDatabase::max_channels; ++i) {
            std::memcpy(batch.channels[i], mine->channels[i].name, NAMEDATALEN);
            batch.for_everyone[i] = mine->channels[i].for_everyone;
            if (mine->channels[i].waits()) batch.notifications.push_back({i, for_everyone});
        }
    }
    std::vector<Notification> of_spaces = notifications_of(notes);
    batch.spaces = static_cast<std::int64_t>(of_spaces.size());
    std::move(of_spaces.begin(), of_spaces.end(), std::back_inserter(batch.notifications));
    return batch;
}

void note_sent(const Batch& batch) {
    const PokeLock lock(*area);
    mine->remove(mine->taken, batch.notes, batch.for_everyone);
    mine->sent += static_cast<std::int64_t>(batch.notifications.size());
    mine->coalesced += batch.notes - batch.spaces;
    mine->forget_asking();
}

// Returns false after an error, which is in the log. The notes stay.
bool send(const Batch& batch) {
    const auto error = pg::error_of([&batch] {
        SetCurrentStatementStartTimestamp();
        StartTransactionCommand();
        pgstat_report_activity(STATE_RUNNING, "NOTIFY");
        for (const Notification& notification : batch.notifications)
            Async_Notify(batch.channels[notification.channel], notification.payload.c_str());
        CommitTransactionCommand();
    });
    pg::guarded([failed = error.has_value()] {
        if (failed) {
            AbortCurrentTransaction();
            // A queue that was full gets room only by a NOTIFY that succeeds, or by this.
            DirectFunctionCall1(pg_notification_queue_usage, Datum{0});
        }
        pgstat_report_activity(STATE_IDLE, nullptr);
        pgstat_report_stat(false);
    });
    if (!error) {
        note_sent(batch);
        return true;
    }
    pg::guarded(
        [&error] { ereport(LOG, (errmsg("%s could not notify: %s", worker_type, error->data().message), errdetail("It tries again."))); });
    return false;
}

void wait(long milliseconds) {
    pg::guarded([milliseconds] {
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
        if (!ConfigReloadPending) return;
        ConfigReloadPending = false;
        ProcessConfigFile(PGC_SIGHUP);
    });
}

// Whether this is the worker of its database now. There may be one already.
bool attach() {
    const TimestampTz now = GetCurrentTimestamp();
    const PokeLock lock(*area);
    PokeDatabase* const database = area->find_or_take(now);
    if (database == nullptr || database->pid != 0) return false;
    database->pid = MyProcPid;
    database->worker = MyProc;
    database->closing = database->sleeping = database->refused = false;
    database->taken = 0;
    ++database->generation;
    mine = database;
    return true;
}

void give_up_slot() {
    mine->pid = 0;
    mine->worker = nullptr;
    mine->closing = mine->sleeping = false;
    mine->used = GetCurrentTimestamp();
    mine = nullptr;
}

// Whether the worker may go: there is nothing to do, and no transaction is announced. Gives up the slot then. If it must go while
// transactions are prepared, at_exit asks for another worker.
bool leave(bool closing) {
    const PokeLock lock(*area);
    if (mine->waits() || mine->announced > 0) return false;
    if (mine->prepared_count > 0) return closing;
    mine->forget_asking();
    give_up_slot();
    return true;
}

// However the process ends, its slot becomes free. If notes are left, they need another worker.
extern "C" void at_exit(int, Datum) {
    if (mine == nullptr) return;
    PokeDatabase* const database = mine;
    bool asks;
    {
        const PokeLock lock(*area);
        if (ShutdownRequestPending) mine->forget_asking();
        give_up_slot();
        asks = database->needs_worker() && database->asks(database->used);
    }
    if (!asks || ask_for_poke_worker(*area)) return;
    // Perhaps there is room when this process is gone.
    const PokeLock lock(*area);
    database->forget_asking();
}

// Whether the worker has something to do. If not, those who leave notes will wake it.
bool has_work(bool closing) {
    const PokeLock lock(*area);
    mine->closing = closing;
    mine->sleeping = !mine->waits();
    return !mine->sleeping;
}

// Sends what there is, until it is to end or has been idle for a while.
void serve() {
    const MemoryContext context = pg::guarded([] { return AllocSetContextCreate(TopMemoryContext, worker_type, ALLOCSET_DEFAULT_SIZES); });
    TimestampTz active = GetCurrentTimestamp();
    TimestampTz closing_since = 0;
    long poll = poll_ms;
    int open = 0;  // prepared transactions
    for (;;) {
        pg::guarded([context] {
            MemoryContextReset(context);
            MemoryContextSwitchTo(context);
        });
        const bool closing = ShutdownRequestPending;
        const int before = std::exchange(open, settle_prepared(*area));
        poll = open == before ? std::min<long>(poll * 2, max_poll_ms) : poll_ms;
        if (has_work(closing)) {
            const bool sent = send(take_batch());
            if (!sent && closing) return;
            wait(sent ? pause_ms : retry_ms);
            active = GetCurrentTimestamp();
            continue;
        }
        const TimestampTz now = GetCurrentTimestamp();
        if (closing && closing_since == 0) closing_since = now;
        const TimestampTz end = closing ? TimestampTzPlusMilliseconds(closing_since, last_wait_ms)
                                        : TimestampTzPlusMilliseconds(active, pg::settings.poke_worker_idle);
        if ((closing || now >= end) && leave(closing)) return;
        if (closing && now >= end) return;
        const long pause = now >= end ? retry_ms : TimestampDifferenceMilliseconds(now, end) + 1;
        wait(open > 0 ? std::min(pause, poll) : pause);
    }
}

void run_poke_worker(Oid database) {
    pg::guarded([database] {
        pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
        pqsignal(SIGHUP, SignalHandlerForConfigReload);
        pqsignal(SIGINT, pg::ignore_signal);
        BackgroundWorkerUnblockSignals();
        BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
        // No setting of the database may hold the worker up.
        SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_OVERRIDE);
        for (const char* timeout : {"lock_timeout", "statement_timeout", "transaction_timeout"})  // the last one came with 17
            if (GetConfigOption(timeout, true, false) != nullptr) SetConfigOption(timeout, "0", PGC_USERSET, PGC_S_OVERRIDE);
        StartTransactionCommand();
    });
    area = poke_area();
    pg::guarded([] {
        CommitTransactionCommand();
        pgstat_report_activity(STATE_IDLE, nullptr);
        before_shmem_exit(at_exit, Datum{0});
    });
    if (area != nullptr && attach()) serve();
}

}  // namespace

bool ask_for_poke_worker(PokeArea& pokes) noexcept {
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
#ifdef BGWORKER_INTERRUPTIBLE  // 19: DROP DATABASE and the like end the worker
    worker.bgw_flags |= BGWORKER_INTERRUPTIBLE;
#endif
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    std::strcpy(worker.bgw_name, worker_type);
    std::strcpy(worker.bgw_type, worker_type);
    std::strcpy(worker.bgw_library_name, "$libdir/replicache_ext");
    std::strcpy(worker.bgw_function_name, CppAsString2(REPLICACHE_POKES));
    worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
    if (RegisterDynamicBackgroundWorker(&worker, nullptr)) return true;
    const PokeLock lock(pokes);
    if (PokeDatabase* const database = pokes.find()) database->refused = true;
    return false;
}

}  // namespace replicache::engine

extern "C" PGDLLEXPORT void REPLICACHE_POKES(Datum database);

extern "C" void REPLICACHE_POKES(Datum database) {
    replicache::pg::entry([database] { replicache::engine::run_poke_worker(DatumGetObjectId(database)); });
}
