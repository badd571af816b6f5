// A table of keys with marks, for comparing what a client has with what it may see. It holds up to a million keys, so it is made for few
// bytes and few cache misses per key. Standard C++ only, like batch.h.
//
// A pull asks for nearly the same keys as the one before, and mostly in the same order. So the table guesses that the next key is the one
// behind the last. A hash index is built when that is wrong for the first time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace replicache {

class KeyTable {
public:
    using Marks = std::uint8_t;
    struct Entry {
        std::uint64_t start;  // of the key, in the bytes of all keys
        std::uint32_t length;
        std::uint32_t hash;   // if it is in the index
        std::uint32_t visit;  // see visit(); 0: not visited
        Marks marks;
    };

    // Makes room for keys with so many bytes together.
    void reserve(std::size_t keys, std::size_t bytes);
    // Adds a key that is not there.
    Entry& add(std::string_view key);
    // The entry of the key, which is added without marks if it is not there. Valid until the next call.
    Entry& at(std::string_view key);
    // The same, and notes the place of the key in the order of these calls.
    Entry& visit(std::string_view key);
    // Null: the key is not there.
    Entry* find(std::string_view key);
    const Entry* find(std::string_view key) const { return const_cast<KeyTable*>(this)->find(key); }

    std::string_view key(const Entry& entry) const { return {bytes_.data() + entry.start, entry.length}; }
    // In the order in which they were added.
    std::vector<Entry>& entries() { return entries_; }
    const std::vector<Entry>& entries() const { return entries_; }

    // The keys whose entries `is_wanted` accepts, sorted by their bytes.
    template <class IsWanted>
    std::vector<std::string_view> sorted(IsWanted is_wanted) const {
        std::vector<std::string_view> keys;
        for (const Entry& entry : entries_)
            if (is_wanted(entry.marks)) keys.push_back(key(entry));
        sort(keys);
        return keys;
    }
    // The same in the order of visits.
    template <class IsWanted>
    std::vector<std::string_view> visited(IsWanted is_wanted) const {
        std::vector<Entry> wanted;
        for (const Entry& entry : entries_)
            if (is_wanted(entry.marks)) wanted.push_back(entry);
        sort(wanted);
        std::vector<std::string_view> keys;
        keys.reserve(wanted.size());
        for (const Entry& entry : wanted) keys.push_back(key(entry));
        return keys;
    }

private:
    static void sort(std::vector<std::string_view>& keys);
    static void sort(std::vector<Entry>& entries);
    bool guess(std::size_t number, std::string_view key);
    std::size_t slot_of(std::string_view key, std::uint32_t hash) const;
    void index(std::size_t slots);

    std::vector<Entry> entries_;
    std::vector<char> bytes_;
    std::vector<std::uint32_t> slots_;  // open addressing: the number of an entry, from 1; 0: free. Empty: there is no index yet
    std::size_t next_ = 0, other_ = 0;  // guesses: behind the last keys that came in order, and behind the last one that did not
    std::uint32_t visits_ = 0;
};

}  // namespace replicache
