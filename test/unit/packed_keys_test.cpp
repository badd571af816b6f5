// Sets of keys as bytes.
#include "model/packed_keys.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace replicache {

namespace {

std::string pack(const std::vector<std::string>& keys) {
    KeyPacker packer;
    for (const std::string& key : keys) packer.add(key);
    return packer.take();
}

std::vector<std::string> unpack(std::string_view bytes, bool malformed = false) {
    std::vector<std::string> keys;
    KeyUnpacker unpacker(bytes);
    while (unpacker.next()) keys.emplace_back(unpacker.key());
    EXPECT_EQ(unpacker.is_malformed(), malformed);
    return keys;
}

void expect_round_trip(const std::vector<std::string>& keys) { EXPECT_EQ(unpack(pack(keys)), keys); }

TEST(PackedKeys, AreTheSameAfterwards) {
    expect_round_trip({});
    expect_round_trip({""});
    expect_round_trip({"", "a", "a/b", "a/b/c", "b"});
    expect_round_trip({std::string("\0part/1", 7), "todo/1"});
    expect_round_trip({std::string(100'000, 'x'), std::string(100'000, 'x') + "y"});
    const std::string a = "00112233-4455-6677-8899-aabbccddeeff", b = "00112233-4455-6677-8899-aabbccddef00";
    expect_round_trip({a, b, "todo/" + a, "todo/" + a + "/x", "todo/" + b, "todo/" + b + b, "todox" + a});
}

TEST(PackedKeys, OnlyUuidsAsPostgresqlWritesThemAreBytes) {
    const std::string lower = "todo/0a1b2c3d-4455-6677-8899-aabbccddeeff";
    EXPECT_EQ(pack({lower}).size(), 2 + 5 + 16U);
    for (const std::string key : {"todo/0A1B2C3D-4455-6677-8899-AABBCCDDEEFF", "todo/0a1b2c3d+4455-6677-8899-aabbccddeeff",
                                  "todo/0a1b2c3d4-455-6677-8899-aabbccddeeff", "todo/ga1b2c3d-4455-6677-8899-aabbccddeeff"}) {
        EXPECT_EQ(pack({key}).size(), 2 + key.size());
        expect_round_trip({key});
    }
}

TEST(PackedKeys, TakeEighteenBytesForAUuid) {
    std::mt19937_64 random(1);
    std::set<std::string> keys;
    while (keys.size() < 1000) {
        std::string uuid;
        for (int i = 0; i < 36; ++i) uuid += i == 8 || i == 13 || i == 18 || i == 23 ? '-' : "0123456789abcdef"[random() % 16];
        keys.insert("todo/" + uuid);
    }
    const std::vector<std::string> sorted(keys.begin(), keys.end());
    EXPECT_EQ(pack(sorted).size(), 18 * sorted.size() + 5);
    expect_round_trip(sorted);
}

TEST(PackedKeys, OfAnyBytesAreKeysOrMalformed) {
    std::mt19937_64 random(2);
    for (int round = 0; round < 2000; ++round) {
        std::string bytes(random() % 40, '\0');
        for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 20);
        KeyUnpacker unpacker(bytes);
        std::size_t keys = 0;
        while (unpacker.next()) ++keys;
        EXPECT_LE(keys, bytes.size());
    }
}

TEST(PackedKeys, ThatAreCutOffAreMalformed) {
    const std::string bytes = pack({"todo/0a1b2c3d-4455-6677-8899-aabbccddeeff"});
    for (std::size_t length = 1; length < bytes.size(); ++length) unpack(std::string_view(bytes).substr(0, length), true);
    unpack("\x04\x01x", true);  // shares two bytes with no key
    unpack(std::string(20, '\xff'), true);
}

}  // namespace

}  // namespace replicache
