#include "engine/poke/poke.h"

#include "engine/poke/area.h"
#include "engine/poke/payload.h"
#include "engine/poke/worker.h"
#include "pg/settings.h"

extern "C" {
#include "access/xlog.h"
#include "commands/async.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
}

namespace replicache::engine {
namespace {

// The pokes of this transaction.
std::vector<std::string> channels;
std::string notes;  // their channels are indexes of `channels`

// How many bytes of notes there were when a subtransaction made its first one.
struct Mark {
    SubTransactionId by;
    std::size_t length;
};
std::vector<Mark> marks;

enum class Fate { open, announced, notified } fate = Fate::open;
PokeArea* area;                           // where the notes are announced
int indexes[PokeDatabase::max_channels];  // of the area, for those of `channels`

void clear() noexcept {
    channels.clear();
    notes.clear();
    marks.clear();
    fate = Fate::open;
}

void notify(const char* channel, const Note& note) {
    if (note.everyone) {
        pg::guarded([channel] { Async_Notify(channel, for_everyone); });  // the same one again is not sent
        return;
    }
    pg::guarded([channel, &note] {
        StringInfoData payload;
        initStringInfo(&payload);
        append_payload(&payload, note);
        Async_Notify(channel, payload.data);
        pfree(payload.data);
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

bool find_channels(PokeDatabase& database) {
    if (channels.size() > PokeDatabase::max_channels) return false;
    for (std::size_t i = 0; i < channels.size(); ++i)
        if ((indexes[i] = database.channel(channels[i].c_str())) < 0) return false;
    return true;
}

// Returns whether a worker waits for the notes now. If pokes are frequent, a worker is asked for, which serves later transactions.
bool announce() {
    if (pg::settings.poke_mode == pg::poke_mode_transaction) return false;
    area = poke_area();
    if (area == nullptr) return false;
    {
        const PokeLock lock(*area);
        PokeDatabase* const database = area->find();
        if (database != nullptr && database->pid != 0 && !database->closing && find_channels(*database)) {
            ++database->announced;
            fate = Fate::announced;
            return true;
        }
    }
    constexpr int frequent_ms = 1000;
    const TimestampTz now = GetCurrentTimestamp();
    bool asks = false;
    {
        const PokeLock lock(*area);
        if (PokeDatabase* const database = area->find_or_take(now)) {
            ++database->in_transaction;
            const bool frequent = !TimestampDifferenceExceeds(database->notified, now, frequent_ms);
            asks = (frequent || database->waits()) && database->asks(now);
            database->notified = now;
        }
    }
    if (asks) ask_for_poke_worker(*area);
    return false;
}

}  // namespace

void poke(const std::string& space, std::int64_t version) {
    const char* const channel = pg::settings.poke_channel;
    if (channel == nullptr || *channel == '\0') return;
    const auto index = index_of(channel);
    const Note note = pg::settings.poke_names ? Note{index.value_or(0), false, space, version} : Note{index.value_or(0), true, {}, 0};
    if (!index) return notify(channel, note);
    const SubTransactionId me = GetCurrentSubTransactionId();
    if (marks.empty() || marks.back().by != me) marks.push_back({me, notes.size()});
    const std::size_t end = notes.size();
    notes.resize(end + size_of(note));
    write_note(notes.data() + end, note);
}

void pokes_before_commit() {
    if (!notes.empty() && !announce()) notify_all();
}

void pokes_before_prepare() { notify_all(); }

void pokes_after_commit() noexcept {
    if (fate == Fate::announced) {
        const TimestampTz now = GetCurrentTimestamp();
        Latch* latch = nullptr;
        bool asks = false;
        {
            const PokeLock lock(*area);
            PokeDatabase& database = *area->find();
            --database.announced;
            database.used = now;
            for_each_note(notes, [&database](Note note) {
                note.channel = static_cast<std::uint8_t>(indexes[note.channel]);
                database.leave(note);
            });
            latch = database.wake();
            asks = database.asks(now);
        }
        if (latch != nullptr) SetLatch(latch);
        if (asks) ask_for_poke_worker(*area);
    }
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
    for (; !marks.empty() && marks.back().by >= from; marks.pop_back()) notes.resize(marks.back().length);
}

}  // namespace replicache::engine
