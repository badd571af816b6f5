// Finds texts among many others. The texts stay where they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace replicache {

class TextIndex {
public:
    // A text that comes twice counts once. The characters must outlive the object.
    explicit TextIndex(std::span<const std::string_view> texts) {
        std::size_t slots = 16;
        while (slots < 2 * texts.size()) slots *= 2;
        slots_.resize(slots);
        texts_.reserve(texts.size());
        hashes_.reserve(texts.size());
        for (const std::string_view text : texts) {
            const std::uint32_t hash = hash_of(text);
            std::uint32_t& slot = slots_[slot_of(text, hash)];
            if (slot != 0) continue;
            texts_.push_back(text);
            hashes_.push_back(hash);
            slot = static_cast<std::uint32_t>(texts_.size());
        }
    }

    const std::vector<std::string_view>& texts() const { return texts_; }
    // The number of the text in texts(). -1: it is none of them.
    std::ptrdiff_t find(std::string_view text) const noexcept {
        return static_cast<std::ptrdiff_t>(slots_[slot_of(text, hash_of(text))]) - 1;
    }

private:
    static std::uint32_t hash_of(std::string_view text) noexcept { return static_cast<std::uint32_t>(std::hash<std::string_view>()(text)); }

    // The slot of the text, or the free one where it belongs.
    std::size_t slot_of(std::string_view text, std::uint32_t hash) const noexcept {
        const std::size_t mask = slots_.size() - 1;
        for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
            const std::uint32_t number = slots_[slot];
            if (number == 0 || (hashes_[number - 1] == hash && texts_[number - 1] == text)) return slot;
        }
    }

    std::vector<std::string_view> texts_;
    std::vector<std::uint32_t> hashes_;
    std::vector<std::uint32_t> slots_;  // open addressing: the number of a text, from 1; 0: free
};

}  // namespace replicache
