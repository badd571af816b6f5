#include "model/key_table.h"

#include <algorithm>
#include <functional>

namespace replicache {
namespace {

constexpr std::size_t fewest_slots = 64;

std::uint32_t hash_of(std::string_view key) { return static_cast<std::uint32_t>(std::hash<std::string_view>()(key)); }

}  // namespace

// The slot of the key, or the free one where it belongs.
std::size_t KeyTable::slot_of(std::string_view key, std::uint32_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        const std::uint32_t number = slots_[slot];
        if (number == 0) return slot;
        const Entry& entry = entries_[number - 1];
        if (entry.hash == hash && this->key(entry) == key) return slot;
    }
}

void KeyTable::index(std::size_t slots) {
    const bool first = slots_.empty();
    slots_.assign(slots, 0);
    const std::size_t mask = slots - 1;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (first) entries_[i].hash = hash_of(key(entries_[i]));
        std::size_t slot = entries_[i].hash & mask;
        while (slots_[slot] != 0) slot = (slot + 1) & mask;
        slots_[slot] = static_cast<std::uint32_t>(i + 1);
    }
}

void KeyTable::reserve(std::size_t keys, std::size_t bytes) {
    entries_.reserve(keys);
    bytes_.reserve(bytes);
}

KeyTable::Entry& KeyTable::add(std::string_view key) {
    const std::size_t start = bytes_.size();
    bytes_.insert(bytes_.end(), key.begin(), key.end());
    entries_.push_back({.start = start, .length = static_cast<std::uint32_t>(key.size()), .hash = 0, .visit = 0, .marks = 0});
    if (slots_.empty()) return entries_.back();
    Entry& entry = entries_.back();
    entry.hash = hash_of(key);
    if (slots_.size() < 2 * entries_.size())
        index(2 * slots_.size());
    else
        slots_[slot_of(key, entry.hash)] = static_cast<std::uint32_t>(entries_.size());
    return entry;
}

bool KeyTable::guess(std::size_t number, std::string_view key) { return number < entries_.size() && this->key(entries_[number]) == key; }

KeyTable::Entry* KeyTable::find(std::string_view key) {
    if (guess(next_, key)) return &entries_[next_++];
    if (guess(other_, key)) {
        next_ = other_ + 1;
        return &entries_[other_];
    }
    if (slots_.empty()) {
        std::size_t slots = fewest_slots;
        while (slots < 2 * (entries_.size() + 1)) slots *= 2;
        index(slots);
    }
    const std::uint32_t number = slots_[slot_of(key, hash_of(key))];
    if (number == 0) return nullptr;
    other_ = number;
    return &entries_[number - 1];
}

KeyTable::Entry& KeyTable::at(std::string_view key) {
    Entry* const entry = find(key);
    return entry != nullptr ? *entry : add(key);
}

KeyTable::Entry& KeyTable::visit(std::string_view key) {
    Entry& entry = at(key);
    entry.visit = ++visits_;
    return entry;
}

void KeyTable::sort(std::vector<std::string_view>& keys) { std::sort(keys.begin(), keys.end()); }

void KeyTable::sort(std::vector<Entry>& entries) {
    const auto is_before = [](const Entry& a, const Entry& b) { return a.visit < b.visit; };
    if (!std::is_sorted(entries.begin(), entries.end(), is_before)) std::stable_sort(entries.begin(), entries.end(), is_before);
}

}  // namespace replicache
