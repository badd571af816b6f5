// The index of texts.
#include "base/text_index.h"

#include <gtest/gtest.h>

#include <string>

namespace replicache {

namespace {

TEST(TextIndex, NumbersTextsInTheirOrderAndEachOnce) {
    const std::vector<std::string_view> texts{"b", "a", "b", "", "a", std::string_view("\0", 1)};
    const TextIndex index(texts);
    EXPECT_EQ(index.texts(), (std::vector<std::string_view>{"b", "a", "", std::string_view("\0", 1)}));
    EXPECT_EQ(index.find("b"), 0);
    EXPECT_EQ(index.find("a"), 1);
    EXPECT_EQ(index.find(""), 2);
    EXPECT_EQ(index.find(std::string_view("\0", 1)), 3);
    EXPECT_EQ(index.find("c"), -1);
}

TEST(TextIndex, OfNothing) {
    const TextIndex index({});
    EXPECT_TRUE(index.texts().empty());
    EXPECT_EQ(index.find(""), -1);
}

TEST(TextIndex, OfMany) {
    std::vector<std::string> owned;
    for (int i = 0; i < 10000; ++i) owned.push_back("group " + std::to_string(i * 7919));
    const std::vector<std::string_view> texts(owned.begin(), owned.end());
    const TextIndex index(texts);
    ASSERT_EQ(index.texts().size(), owned.size());
    for (std::size_t i = 0; i < owned.size(); ++i) {
        EXPECT_EQ(index.find(owned[i]), static_cast<std::ptrdiff_t>(i));
        EXPECT_EQ(index.find(owned[i] + "x"), -1);
    }
}

}  // namespace

}  // namespace replicache
