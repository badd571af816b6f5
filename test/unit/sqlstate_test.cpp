// What the codes of errors mean.
#include "base/sqlstate.h"

#include <gtest/gtest.h>

namespace replicache::sqlstate {

namespace {

bool is_temporary(std::string_view code) { return sqlstate::is_temporary(pack(code)); }

TEST(Temporary, IsWhatMaySucceedWhenSentAgain) {
    for (const auto* sqlstate : {"08000", "08006", "08P01", "40000", "40001", "40P01", "40002", "53000", "53100", "53200", "53300",
                                 "53400", "57000", "57014", "57P01", "57P03", "58000", "58030", "58P01", "RE001", "55P03", "55006"})
        EXPECT_TRUE(is_temporary(sqlstate)) << sqlstate;
    EXPECT_TRUE(is_temporary("RE003"));
    for (const auto* sqlstate : {"23505", "22P02", "42501", "42P01", "P0001", "P0004", "XX000", "25006", "54000", "RE000",
                                 "RE002", "55000", "55P02", "55P04", "80000", "04000", "00000", "0",     "5",     ""})
        EXPECT_FALSE(is_temporary(sqlstate)) << sqlstate;
}

TEST(Scope, OfAnErrorInAPush) {
    for (const auto* code : {"22P02", "23505", "42501", "P0001", "54000", "55000", "25001", "RE002", "RE003", "00000"})
        EXPECT_EQ(scope_of(pack(code)), Scope::mutation) << code;
    for (const auto* code : {"RE001", "55P03", "55006", "08006", "53100", "58030"}) EXPECT_EQ(scope_of(pack(code)), Scope::push) << code;
    for (const auto* code : {"25006", "40001", "40P01", "57014", "57P01", "XX000", "XX002"})
        EXPECT_EQ(scope_of(pack(code)), Scope::caller) << code;
}

TEST(Sqlstate, KnowsWhatAnErrorIsAbout) {
    EXPECT_TRUE(is_about_the_server(pack("53200")));
    EXPECT_FALSE(is_about_the_server(pack("08006")));
    EXPECT_TRUE(is_about_the_data(pack("54000")));
    EXPECT_TRUE(is_about_the_data(pack("428C9")));
    EXPECT_FALSE(is_about_the_data(pack("42501")));
    EXPECT_TRUE(is_about_definition(pack("42P01")));
    EXPECT_FALSE(is_about_definition(pack("42501")));
    EXPECT_TRUE(is_about_rows(pack("21000")));
    EXPECT_FALSE(is_about_rows(pack("23505")));
    EXPECT_TRUE(is_about_the_table(pack("42501")));
    EXPECT_FALSE(is_about_the_table(pack("55000")));
}

}  // namespace

}  // namespace replicache::sqlstate
