// A hash table of keys with marks, for comparing what a client has with what it may see. It holds up to a million keys, so it is made for
// few bytes and few cache misses per key. Standard C++ only, like batch.h.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace replicache {

class KeyTable {
public:
    using Marks = std::uint8_t;
    struct Entry {
        std::uint64_t hash;
        std::uint64_t start;  // of the key, in the bytes of all keys
        std::uint32_t length;
        Marks marks;
    };

    // The entry of the key, which is added without marks if it is not there. Valid until the next call.
    Entry& at(std::string_view key);
    // Null: the key is not there.
    Entry* find(std::string_view key);
    const Entry* find(std::string_view key) const { return const_cast<KeyTable*>(this)->find(key); }

    std::string_view key(const Entry& entry) const { return {bytes_.data() + entry.start, entry.length}; }
    // In the order in which they were added.
    std::vector<Entry>& entries() { return entries_; }
    const std::vector<Entry>& entries() const { return entries_; }
    void reserve(std::size_t keys, std::size_t bytes);

    // The keys whose entries `is_wanted` accepts, sorted by their bytes.
    template <class IsWanted>
    std::vector<std::string_view> sorted(IsWanted is_wanted) const {
        std::vector<std::string_view> keys;
        for (const Entry& entry : entries_)
            if (is_wanted(entry.marks)) keys.push_back(key(entry));
        sort(keys);
        return keys;
    }

private:
    static void sort(std::vector<std::string_view>& keys);
    std::size_t slot_of(std::string_view key, std::uint64_t hash) const;
    void grow(std::size_t slots);

    std::vector<Entry> entries_;
    std::vector<char> bytes_;
    std::vector<std::uint32_t> slots_;  // open addressing: the number of an entry, from 1; 0: free
};

}  // namespace replicache
