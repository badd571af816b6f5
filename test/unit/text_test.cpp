// Small things about text.
#include "base/text.h"

#include <gtest/gtest.h>

namespace replicache {

namespace {

TEST(Shorten, CutsBetweenTwoCharacters) {
    EXPECT_EQ(shorten("", 3), "");
    EXPECT_EQ(shorten("abc", 3), "abc");
    EXPECT_EQ(shorten("abcd", 3), "abc…");
    EXPECT_EQ(shorten("abé", 3), "ab…");
    EXPECT_EQ(shorten("aé", 3), "aé");
    EXPECT_EQ(shorten("\U0001F600x", 4), "\U0001F600…");
    EXPECT_EQ(shorten("\U0001F600x", 3), "…");
    EXPECT_EQ(shorten("abc", 0), "…");
}

TEST(Shorten, OfWhatIsNoUtf8LosesFourBytesAtMost) { EXPECT_EQ(shorten(std::string(20, '\x80'), 10), std::string(6, '\x80') + "…"); }

TEST(Trim, TakesBlanksOffBothEnds) {
    EXPECT_EQ(trim(" \t\n\v\f\r a b \n", is_space), "a b");
    EXPECT_EQ(trim("", is_space), "");
    EXPECT_EQ(trim("  ", is_space), "");
}

TEST(TakeDigits, LeavesTheRest) {
    std::string_view text = "0123x4";
    EXPECT_EQ(take_digits(text), "0123");
    EXPECT_EQ(text, "x4");
    EXPECT_EQ(take_digits(text), "");
}

}  // namespace

}  // namespace replicache
