// The hash table of keys.
#include "model/key_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace replicache {

namespace {

TEST(KeyTable, FindsWhatWasAdded) {
    KeyTable keys;
    EXPECT_EQ(keys.find("a"), nullptr);
    keys.at("a").marks = 1;
    keys.at("").marks = 2;
    keys.at("a").marks |= 4;
    ASSERT_NE(keys.find("a"), nullptr);
    EXPECT_EQ(keys.find("a")->marks, 5);
    EXPECT_EQ(keys.find("")->marks, 2);
    EXPECT_EQ(keys.find("b"), nullptr);
    EXPECT_EQ(keys.entries().size(), 2U);
    EXPECT_EQ(keys.key(keys.entries()[0]), "a");
}

TEST(KeyTable, GuessesTheNextKey) {
    KeyTable keys;
    for (int i = 0; i < 1000; ++i) keys.add("todo/" + std::to_string(i)).marks = 1;
    // In order, with gaps, from another place, backwards, and with keys that are new.
    for (int i = 0; i < 1000; ++i)
        if (i % 7 != 0) keys.visit("todo/" + std::to_string(i)).marks |= 2;
    for (int i = 500; i < 600; ++i) keys.visit("todo/" + std::to_string(i)).marks |= 4;
    keys.visit("new").marks |= 2;
    for (int i = 99; i >= 0; --i) keys.visit("todo/" + std::to_string(i)).marks |= 8;
    ASSERT_EQ(keys.entries().size(), 1001U);
    for (int i = 0; i < 1000; ++i) {
        const auto* entry = keys.find("todo/" + std::to_string(i));
        ASSERT_NE(entry, nullptr);
        EXPECT_EQ(entry->marks, 1 | (i % 7 != 0 ? 2 : 0) | (i >= 500 && i < 600 ? 4 : 0) | (i < 100 ? 8 : 0)) << i;
    }
    const auto visited = keys.visited([](KeyTable::Marks marks) { return (marks & 8) != 0; });
    ASSERT_EQ(visited.size(), 100U);
    EXPECT_EQ(visited.front(), "todo/99");
    EXPECT_EQ(visited.back(), "todo/0");
}

TEST(KeyTable, DoesAsAMapDoes) {
    std::mt19937_64 random(1);
    KeyTable keys;
    std::map<std::string, KeyTable::Marks> map;
    for (int i = 0; i < 20'000; ++i) {
        const std::string key = "todo/" + std::to_string(random() % 5000);
        const auto mark = static_cast<KeyTable::Marks>(1U << random() % 5);
        if (random() % 3 == 0) {
            const auto* entry = keys.find(key);
            EXPECT_EQ(entry != nullptr, map.contains(key));
            EXPECT_EQ(entry == nullptr ? 0 : entry->marks, map.contains(key) ? map[key] : 0);
            continue;
        }
        keys.at(key).marks |= mark;
        map[key] |= mark;
    }
    ASSERT_EQ(keys.entries().size(), map.size());
    std::size_t wanted = 0;
    const auto is_wanted = [](KeyTable::Marks marks) { return (marks & 1) != 0; };
    const auto sorted = keys.sorted(is_wanted);
    for (const auto& [key, marks] : map)
        if (is_wanted(marks)) {
            ASSERT_LT(wanted, sorted.size());
            EXPECT_EQ(sorted[wanted++], key);
        }
    EXPECT_EQ(wanted, sorted.size());
}

}  // namespace

}  // namespace replicache
