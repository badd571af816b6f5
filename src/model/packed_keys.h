// Sets of keys as bytes, small enough to be kept per client: each key without the start that it shares with the one before, and uuids as 16
// bytes. Standard C++ only, like batch.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace replicache {

// Packs keys, each once. Neighbours with the same start take few bytes.
class KeyPacker {
public:
    void add(std::string_view key);
    std::size_t size() const { return bytes_.size(); }
    std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
    std::string before_;  // the last key without its uuid
};

// Goes through packed keys, in the order in which they were packed.
class KeyUnpacker {
public:
    explicit KeyUnpacker(std::string_view bytes) : rest_(bytes) {}

    // Goes to the next key. False: there is none, or the bytes are not packed keys.
    bool next();
    // Valid until the next call of next().
    std::string_view key() const { return key_; }
    bool is_malformed() const { return malformed_; }

private:
    bool fail();
    bool take_number(std::size_t& number);

    std::string_view rest_;
    std::string key_;
    std::size_t start_ = 0;  // how much of key_ is not its uuid
    bool malformed_ = false;
};

}  // namespace replicache
