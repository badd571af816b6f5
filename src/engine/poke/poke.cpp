#include "engine/poke/poke.h"

#include "engine/poke/area.h"
#include "engine/poke/payload.h"
#include "engine/poke/worker.h"
#include "pg/settings.h"

extern "C" {
#include "commands/async.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

// The pokes of this transaction.
std::vector<std::string> channels;
std::string notes;  // their channels are indexes of `channels`

// What there was when a subtransaction made its first note.
struct Mark {
    SubTransactionId by;
    std::size_t length, channels;
};
std::vector<Mark> marks;

enum class Fate { open, announced, committed, notified } fate = Fate::open;
PokeArea* area;                           // where the notes are announced
int indexes[PokeDatabase::max_channels];  // of the area, for those of `channels`

// Notes that a worker has left behind. This transaction pokes everyone in their place.
struct LeftBehind {
    std::uint32_t generation;
    std::size_t length;
    std::int64_t count;
    char channels[PokeDatabase::max_channels][NAMEDATALEN];  // empty: nothing waits on it
    std::uint32_t for_everyone[PokeDatabase::max_channels];
};
std::optional<LeftBehind> left_behind;

void clear() noexcept {
    constexpr std::size_t kept_bytes = 65536;
    if (notes.capacity() > kept_bytes) std::string().swap(notes);
    channels.clear();
    notes.clear();
    marks.clear();
    left_behind.reset();
    fate = Fate::open;
}

void notify(const char* channel, const Note& note) {
    if (note.everyone) {
        pg::guarded([channel] { Async_Notify(channel, for_everyone); });  // the same one again is not sent
        return;
    }
    pg::guarded([channel, &note] {
        char* const payload = payload_of(note);
        Async_Notify(channel, payload);
        pfree(payload);
    });
}

void notify_all() {
    for_each_note(notes, [](const Note& note) { notify(channels[note.channel].c_str(), note); });
    fate = Fate::notified;
}

// The index of the channel. Nullopt: the transaction is to notify itself.
std::optional<std::uint8_t> index_of(const char* channel) {
    // Other modules may have code that changes something at the commit.
    if (fate == Fate::notified) return std::nullopt;
    auto known = std::find(channels.begin(), channels.end(), channel);
    if (known == channels.end()) {
        if (fate == Fate::announced || channels.size() > UINT8_MAX) return std::nullopt;
        known = channels.insert(channels.end(), channel);
    }
    return static_cast<std::uint8_t>(known - channels.begin());
}

LeftBehind what_is_left(PokeDatabase& database) {
    LeftBehind left{database.generation, database.length, database.count, {}, {}};
    database.taken = database.length;  // no later note goes into one of these
    for (int i = 0; i < PokeDatabase::max_channels; ++i) {
        left.for_everyone[i] = database.channels[i].for_everyone;
        if (database.channels[i].waits()) std::memcpy(left.channels[i], database.channels[i].name, NAMEDATALEN);
    }
    for_each_note({database.notes, database.length},
                  [&](const Note& note) { std::memcpy(left.channels[note.channel], database.channels[note.channel].name, NAMEDATALEN); });
    return left;
}

void remove_what_was_left() {
    const PokeLock lock(*area);
    PokeDatabase* const database = area->find();
    if (database == nullptr || database->generation != left_behind->generation) return;
    ++database->generation;
    database->remove(left_behind->length, left_behind->count, left_behind->for_everyone);
}

// Returns whether a worker waits for the notes now. If pokes are frequent, a worker is asked for, which serves later transactions.
bool announce() {
    if (pg::settings.poke_mode == pg::poke_mode_transaction) return false;
    area = poke_area();
    if (area == nullptr) return false;
    {
        const PokeLock lock(*area);
        PokeDatabase* const database = area->find();
        if (database != nullptr && database->pid != 0 && !database->closing && database->find(channels, indexes)) {
            ++database->announced;
            fate = Fate::announced;
            return true;
        }
    }
    settle_prepared(*area);  // as long as there is no worker, nobody else does
    constexpr int frequent_ms = 1000;
    const TimestampTz now = GetCurrentTimestamp();
    bool asks = false;
    {
        const PokeLock lock(*area);
        if (PokeDatabase* const database = area->find_or_take(now)) {
            ++database->in_transaction;
            const bool frequent = !TimestampDifferenceExceeds(database->notified, now, frequent_ms);
            asks = (frequent || database->needs_worker()) && database->asks(now);
            database->notified = now;
            if (database->pid == 0 && database->waits()) left_behind = what_is_left(*database);
        }
    }
    if (asks) ask_for_poke_worker(*area);
    if (left_behind)
        for (const char* channel : left_behind->channels)
            if (*channel != '\0') notify(channel, Note{0, true, {}, 0});
    return false;
}

void leave_notes(PokeDatabase& database) {
    const bool too_many = notes.size() > PokeDatabase::notes_size;
    if (too_many)
        for (std::size_t i = 0; i < channels.size(); ++i) database.leave({static_cast<std::uint8_t>(indexes[i]), true, {}, 0});
    else
        for_each_note(notes, [&database](Note note) {
            note.channel = static_cast<std::uint8_t>(indexes[note.channel]);
            database.leave(note);
        });
}

}  // namespace

void poke(const std::string& space, std::int64_t version) {
    const char* const channel = pg::settings.poke_channel;
    if (channel == nullptr || *channel == '\0') return;
    const std::size_t known_channels = channels.size();
    const auto index = index_of(channel);
    const Note note = pg::settings.poke_names ? Note{index.value_or(0), false, space, version} : Note{index.value_or(0), true, {}, 0};
    if (!index) return notify(channel, note);
    const SubTransactionId me = GetCurrentSubTransactionId();
    if (marks.empty() || marks.back().by != me) marks.push_back({me, notes.size(), known_channels});
    const std::size_t end = notes.size();
    notes.resize(end + size_of(note));
    write_note(notes.data() + end, note);
}

void pokes_before_commit() {
    if (notes.empty() || !announce()) notify_all();
}

void pokes_before_prepare() {
    fate = Fate::notified;  // what comes now is too late, and PostgreSQL refuses it
    if (notes.empty()) return;
    constexpr const char* hint = "Call SET LOCAL replicache.poke_channel = '' before the first change, and NOTIFY after COMMIT PREPARED.";
    const auto refuse = [&](const char* why) {
        throw pg::SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot prepare a transaction that has pokes to send", why, hint);
    };
    if (pg::settings.poke_mode == pg::poke_mode_transaction) refuse("replicache.poke_mode is transaction.");
    area = poke_area();
    if (area == nullptr) refuse("There is no shared memory for a worker that sends them later.");
    const TimestampTz now = GetCurrentTimestamp();
    const TransactionId xid = GetTopTransactionId();
    const auto prepare = [&] {
        const PokeLock lock(*area);
        PokeDatabase* const database = area->find_or_take(now);
        return database != nullptr && database->prepare(xid, channels);
    };
    if (prepare()) return;
    settle_prepared(*area);  // as long as there is no worker, nobody else does
    if (!prepare()) refuse("Too many transactions are prepared, or too many channels or databases are in use.");
}

void pokes_after_commit() noexcept {
    if (fate == Fate::announced) {
        fate = Fate::committed;
        return;
    }
    if (left_behind) remove_what_was_left();
    clear();
}

void pokes_after_prepare() noexcept {
    const bool waits = !notes.empty();
    clear();
    if (!waits) return;
    const TimestampTz now = GetCurrentTimestamp();
    Latch* latch = nullptr;
    bool asks = false;
    {
        const PokeLock lock(*area);
        PokeDatabase* const database = area->find();
        if (database == nullptr) return;
        latch = database->wake();
        asks = database->asks(now);
    }
    if (latch != nullptr) SetLatch(latch);
    if (asks) ask_for_poke_worker(*area);
}

void pokes_after_locks() noexcept {
    if (fate != Fate::committed) return;
    const TimestampTz now = GetCurrentTimestamp();
    Latch* latch = nullptr;
    bool asks = false;
    {
        const PokeLock lock(*area);
        PokeDatabase& database = *area->find();
        --database.announced;
        database.used = now;
        leave_notes(database);
        latch = database.wake();
        asks = database.asks(now);
    }
    if (latch != nullptr) SetLatch(latch);
    if (asks) ask_for_poke_worker(*area);
    clear();
}

void pokes_after_abort() noexcept {
    if (fate == Fate::announced) {
        Latch* latch = nullptr;
        {
            const PokeLock lock(*area);
            PokeDatabase& database = *area->find();
            --database.announced;
            if (database.closing) latch = database.wake();
        }
        if (latch != nullptr) SetLatch(latch);
    }
    clear();
}

void undo_pokes(SubTransactionId from) noexcept {
    for (; !marks.empty() && marks.back().by >= from; marks.pop_back()) {
        notes.resize(marks.back().length);
        channels.resize(marks.back().channels);
    }
}

}  // namespace replicache::engine
