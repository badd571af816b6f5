#include "model/key_table.h"

#include <algorithm>
#include <functional>

namespace replicache {
namespace {

constexpr std::size_t fewest_slots = 64;

}  // namespace

// The slot of the key, or the free one where it belongs.
std::size_t KeyTable::slot_of(std::string_view key, std::uint64_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        const std::uint32_t number = slots_[slot];
        if (number == 0) return slot;
        const Entry& entry = entries_[number - 1];
        if (entry.hash == hash && this->key(entry) == key) return slot;
    }
}

void KeyTable::grow(std::size_t slots) {
    slots_.assign(slots, 0);
    const std::size_t mask = slots - 1;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        std::size_t slot = entries_[i].hash & mask;
        while (slots_[slot] != 0) slot = (slot + 1) & mask;
        slots_[slot] = static_cast<std::uint32_t>(i + 1);
    }
}

void KeyTable::reserve(std::size_t keys, std::size_t bytes) {
    entries_.reserve(keys);
    bytes_.reserve(bytes);
    std::size_t slots = fewest_slots;
    while (slots < 2 * keys) slots *= 2;
    if (slots > slots_.size()) grow(slots);
}

KeyTable::Entry& KeyTable::at(std::string_view key) {
    if (slots_.size() < 2 * (entries_.size() + 1)) grow(std::max(fewest_slots, 2 * slots_.size()));
    const std::uint64_t hash = std::hash<std::string_view>()(key);
    std::uint32_t& number = slots_[slot_of(key, hash)];
    if (number != 0) return entries_[number - 1];
    const std::size_t start = bytes_.size();
    bytes_.insert(bytes_.end(), key.begin(), key.end());
    entries_.push_back({.hash = hash, .start = start, .length = static_cast<std::uint32_t>(key.size()), .marks = 0});
    number = static_cast<std::uint32_t>(entries_.size());
    return entries_.back();
}

KeyTable::Entry* KeyTable::find(std::string_view key) {
    if (slots_.empty()) return nullptr;
    const std::uint32_t number = slots_[slot_of(key, std::hash<std::string_view>()(key))];
    return number == 0 ? nullptr : &entries_[number - 1];
}

// Most keys come in order, because a record is sorted.
void KeyTable::sort(std::vector<std::string_view>& keys) {
    const auto middle = std::is_sorted_until(keys.begin(), keys.end());
    std::sort(middle, keys.end());
    std::inplace_merge(keys.begin(), middle, keys.end());
}

}  // namespace replicache
