#include "engine/poke/area.h"

#include "pg/compat.h"
#include "pg/shared_memory.h"
#include "pg/subtransaction.h"

extern "C" {
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

// A slot of another database is taken when nothing has happened in it for this time.
constexpr int forget_after_ms = 10'000;
// If notes are left there, too, because the database is no more.
constexpr int forget_notes_after_ms = 3'600'000;
constexpr int max_ask_pause = 64;  // seconds

PokeArea* area = nullptr;
std::string failure;

constexpr const char* name = CppAsString2(REPLICACHE_POKES);

void initialize(void* memory, int tranche) {
    std::memset(memory, 0, sizeof(PokeArea));
    LWLockInitialize(&static_cast<PokeArea*>(memory)->lock, tranche);
}

}  // namespace

bool PokeDatabase::waits() const {
    return length > 0 || std::any_of(
                             std::begin(channels), std::end(channels), [](const PokeChannel& channel) { return channel.waits(); });
}

bool PokeDatabase::prepare(TransactionId xid, const std::vector<std::string>& names) {
    int indexes[max_channels];
    if (prepared_count == max_prepared || !find(names, indexes)) return false;
    PreparedPokes& pokes = prepared[prepared_count++] = {xid, 0};
    for (std::size_t i = 0; i < names.size(); ++i) pokes.channels |= 1U << indexes[i];
    return true;
}

void PokeDatabase::settle(TransactionId xid, bool committed) {
    PreparedPokes* const end = prepared + prepared_count;
    PreparedPokes* const pokes = std::find_if(prepared, end, [xid](const PreparedPokes& p) { return p.xid == xid; });
    if (pokes == end) return;
    for (int i = 0; committed && i < max_channels; ++i)
        if ((pokes->channels >> i & 1U) != 0) ++channels[i].for_everyone;
    *pokes = end[-1];
    --prepared_count;
}

bool PokeDatabase::find(const std::vector<std::string>& names, int* indexes) {
    const auto index = [this](const char* name) {
        return static_cast<int>(
            std::find_if(
                channels, channels + max_channels, [name](const PokeChannel& c) { return std::strcmp(c.name, name) == 0; }) -
            channels);
    };
    const auto unknown = std::count_if(
        names.begin(), names.end(), [&](const std::string& name) { return index(name.c_str()) == max_channels; });
    const auto free = std::count_if(channels, channels + max_channels, [](const PokeChannel& channel) { return *channel.name == '\0'; });
    if (unknown > free) {
        // Channels make room for others only while no index of theirs is in use.
        if (names.size() > max_channels || announced > 0 || needs_worker()) return false;
        std::fill_n(channels, max_channels, PokeChannel{});
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        indexes[i] = index(names[i].c_str());
        if (indexes[i] < max_channels) continue;
        indexes[i] = index("");
        // replicache.poke_channel has no longer names.
        std::strcpy(channels[indexes[i]].name, names[i].c_str());
    }
    return true;
}

void PokeDatabase::leave(const Note& note) {
    if (note.everyone) {
        ++channels[note.channel].for_everyone;
        return;
    }
    // While the worker is held up, a note of the same space gets the new version. To look for it costs time, which is spent if room is
    // short.
    if (length > notes_size / 2) {
        for (std::size_t at = taken; at < length;) {
            const Note other = read_note(notes + at);
            if (other.channel == note.channel && other.space == note.space) {
                write_note(notes + at, {other.channel, false, note.space, std::max(other.version, note.version)});
                ++coalesced;
                return;
            }
            at += size_of(other);
        }
    }
    if (length + size_of(note) > notes_size) {
        ++channels[note.channel].for_everyone;
        return;
    }
    write_note(notes + length, note);
    length += size_of(note);
    ++count;
}

void PokeDatabase::remove(std::size_t bytes, std::int64_t notes_sent, const std::uint32_t* everyone) {
    length -= bytes;
    std::memmove(notes, notes + bytes, length);
    taken = 0;
    count -= notes_sent;
    for (int i = 0; i < max_channels; ++i) channels[i].sent_to_everyone = everyone[i];
}

bool PokeDatabase::asks(TimestampTz now) {
    if (pid != 0 || now < ask_after) return false;
    asked = now;
    ask_pause = std::clamp(ask_pause * 2, 1, max_ask_pause);
    ask_after = TimestampTzPlusMilliseconds(now, ask_pause * 1000);
    return true;
}

Latch* PokeDatabase::wake() {
    if (pid == 0 || !sleeping) return nullptr;
    sleeping = false;
    return &worker->procLatch;
}

PokeDatabase* PokeArea::find() {
    for (PokeDatabase& database : databases)
        if (database.id == MyDatabaseId) return &database;
    return nullptr;
}

PokeDatabase* PokeArea::find_or_take(TimestampTz now) {
    PokeDatabase* taken = nullptr;
    for (PokeDatabase& database : databases) {
        if (database.id == MyDatabaseId) {
            database.used = now;
            return &database;
        }
        const int forget_after = database.needs_worker() ? forget_notes_after_ms : forget_after_ms;
        const bool free = database.id == InvalidOid ||
                          (database.pid == 0 && database.announced == 0 && TimestampDifferenceExceeds(database.used, now, forget_after));
        if (free && (taken == nullptr || database.used < taken->used)) taken = &database;
    }
    if (taken == nullptr) return nullptr;
    std::memset(static_cast<void*>(taken), 0, sizeof *taken);
    taken->id = MyDatabaseId;
    taken->used = now;
    return taken;
}

namespace {

// Of a transaction that has ended. Its status is kept only for a time. Nobody has asked in that time, so the poke is no news either.
bool has_committed(TransactionId xid) {
    return pg::guarded([xid] {
        LWLockAcquire(XactTruncationLock, LW_SHARED);
        const bool committed = !TransactionIdPrecedes(xid, pg::transam_variables().oldestClogXid) && TransactionIdDidCommit(xid);
        LWLockRelease(XactTruncationLock);
        return committed;
    });
}

}  // namespace

int settle_prepared(PokeArea& pokes) {
    PreparedPokes prepared[PokeDatabase::max_prepared];
    int count = 0, open = 0;
    {
        const PokeLock lock(pokes);
        if (const PokeDatabase* const database = pokes.find()) std::copy_n(database->prepared, count = database->prepared_count, prepared);
    }
    for (int i = 0; i < count; ++i) {
        const TransactionId xid = prepared[i].xid;
        if (pg::guarded([xid] { return TransactionIdIsInProgress(xid); })) {
            ++open;
            continue;
        }
        const bool committed = has_committed(xid);
        const PokeLock lock(pokes);
        if (PokeDatabase* const database = pokes.find()) database->settle(xid, committed);
    }
    return open;
}

PokeArea* poke_area() {
    if (area != nullptr || !failure.empty()) return area;
    if (!IsUnderPostmaster || IsBinaryUpgrade) return nullptr;
    PokeArea* found = nullptr;
    // If this fails, lightweight locks may be held. The subtransaction releases them.
    const auto error = pg::attempt([&found] {
        pg::guarded([&found] {
            found = static_cast<PokeArea*>(pg::shared_memory(name, sizeof(PokeArea), initialize));
            pg::name_tranche(found->lock.tranche, name);
        });
    });
    if (!error) return area = found;
    if (ERRCODE_TO_CATEGORY(error->sqlerrcode()) == ERRCODE_OPERATOR_INTERVENTION)
        throw pg::SqlError(error->sqlerrcode(), error->data().message);
    failure = error->data().message;
    return nullptr;
}

const std::string& why_no_poke_area() { return failure; }

}  // namespace replicache::engine
