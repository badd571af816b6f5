#include "engine/view/client_view.h"

#include "engine/view/secret.h"
#include "model/packed_keys.h"
#include "pg/compat.h"

extern "C" {
#include "access/xact.h"
}

namespace replicache::engine {
namespace {

// A cookie with this many bytes of packed keys has about 4 kB more: 180 keys with uuids.
constexpr std::size_t max_packed = 3200;
constexpr std::size_t min_packed_key = 2;
// Room is made for keys of this length. Longer ones make the table grow as it goes.
constexpr std::size_t usual_key = 48;

std::string encode(const std::string& bytes) {
    std::string text(static_cast<std::size_t>(pg_b64_enc_len(static_cast<int>(bytes.size()))), '\0');
    text.resize(static_cast<std::size_t>(std::max(pg::base64_encode(bytes, text.data(), static_cast<int>(text.size())), 0)));
    return text;
}

// The text is one of ours, because its seal is right.
std::string decode(const std::string& text) {
    std::string bytes(static_cast<std::size_t>(pg_b64_dec_len(static_cast<int>(text.size()))), '\0');
    bytes.resize(static_cast<std::size_t>(std::max(pg::base64_decode(text, bytes.data(), static_cast<int>(bytes.size())), 0)));
    return bytes;
}

template <class Visit>
bool for_each_key(const std::string& bytes, Visit visit) {
    KeyUnpacker keys(bytes);
    while (keys.next()) {
        pg::check_interrupts();
        visit(keys.key());
    }
    return !keys.is_malformed();
}

// Nullopt: more bytes than these.
std::optional<std::string> pack(const std::vector<std::string_view>& keys, std::size_t most) {
    KeyPacker packer;
    for (const std::string_view key : keys) {
        packer.add(key);
        if (packer.size() > most) return std::nullopt;
    }
    return packer.take();
}

}  // namespace

ClientView::ClientView(const CookieView* cookie, const ViewOwner& owner) : owner_(owner) {
    if (cookie != nullptr) known_ = read(*cookie);
    if (!known_) keys_ = {};
}

bool ClientView::read(const CookieView& cookie) {
    if (cookie.seal != seal(cookie)) return false;
    if (!cookie.record.empty()) {
        const auto record = find_record(cookie.record, owner_);
        // A standby may get the record later. An answer from scratch would have to be recorded, too.
        if (!record && XactReadOnly) refuse_read_only("The record of the client view is not known here.");
        if (!record) return false;
        const std::size_t entries =
            std::min(static_cast<std::size_t>(std::max(record->entries, std::int64_t{0})), record->keys.size() / min_packed_key);
        keys_.reserve(entries, entries * usual_key);
        if (!for_each_key(record->keys, [this](std::string_view key) { keys_.add(key).marks = recorded | held; })) return false;
        record_ = cookie.record;
    }
    return for_each_key(decode(cookie.plus), [this](std::string_view key) { keys_.at(key).marks |= held; }) &&
           for_each_key(decode(cookie.minus), [this](std::string_view key) { keys_.at(key).marks &= ~held; });
}

std::string ClientView::seal(const CookieView& view) const {
    return secret_digest(
        {"cookie", owner_.user_id ? "user" : "", owner_.user_id.value_or(""), owner_.space, view.record, view.plus, view.minus});
}

void ClientView::hold_nothing() {
    known_ = false;
    for (KeyTable::Entry& entry : keys_.entries()) entry.marks &= ~held;
}

void ClientView::forget_unsent() {
    for (KeyTable::Entry& entry : keys_.entries())
        if ((entry.marks & (wanted | sent)) == wanted) entry.marks &= ~visible;
}

std::vector<std::string_view> ClientView::gone() const {
    auto keys = keys_.sorted([](KeyTable::Marks marks) { return (marks & (held | visible)) == held; });
    std::erase_if(keys, [](std::string_view key) { return key.starts_with('\0'); });
    return keys;
}

ClientView::Parts ClientView::parts_of(Oid table) const {
    const std::string prefix = part_prefix(table);
    Parts parts;
    for (const KeyTable::Entry& entry : keys_.entries()) {
        std::string_view name = keys_.key(entry);
        if (!name.starts_with(prefix) || (entry.marks & (held | visible)) == 0) continue;
        name.remove_prefix(prefix.size());
        auto& list = (entry.marks & visible) == 0 ? parts.gone : (entry.marks & held) == 0 ? parts.added : parts.kept;
        list.emplace_back(name);
    }
    return parts;
}

bool ClientView::holds(std::string_view key) const {
    const KeyTable::Entry* const entry = keys_.find(key);
    return entry != nullptr && (entry->marks & held) != 0;
}

bool ClientView::is_same() const {
    const auto& entries = keys_.entries();
    return known_ && std::all_of(entries.begin(), entries.end(),
                                 [](const auto& entry) { return ((entry.marks & held) != 0) == ((entry.marks & visible) != 0); });
}

std::optional<CookieView> ClientView::difference(const std::string& record, KeyTable::Marks base) const {
    const auto plus =
        pack(keys_.sorted([base](KeyTable::Marks marks) { return (marks & visible) != 0 && (marks & base) == 0; }), max_packed);
    if (!plus) return std::nullopt;
    const auto minus = pack(keys_.sorted([base](KeyTable::Marks marks) { return (marks & visible) == 0 && (marks & base) != 0; }),
                            max_packed - plus->size());
    if (!minus) return std::nullopt;
    return CookieView{.record = record, .plus = encode(*plus), .minus = encode(*minus)};
}

CookieView ClientView::next() const {
    std::optional<CookieView> view;
    const std::size_t visible_keys =
        std::count_if(keys_.entries().begin(), keys_.entries().end(), [](const auto& entry) { return (entry.marks & visible) != 0; });
    if (visible_keys <= max_packed / min_packed_key) view = difference({}, 0);
    if (!view && !record_.empty()) view = difference(record_, recorded);
    if (!view) {
        // In the order of this pull, in which the next one will ask for them.
        const std::vector<std::string_view> all = keys_.visited([](KeyTable::Marks marks) { return (marks & visible) != 0; });
        view = CookieView{.record = store_record(*pack(all, SIZE_MAX), static_cast<std::int64_t>(all.size()), owner_)};
    }
    view->seal = seal(*view);
    return *std::move(view);
}

bool ClientView::note_use(const CookieView& view, const std::optional<std::string>& client_group) const {
    return view.record.empty() || engine::note_use(view.record, client_group, view.record != record_);
}

}  // namespace replicache::engine
