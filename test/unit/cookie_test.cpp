// Cookies: their text, which are ours, and which order is above all that a client holds.
#include "protocol/cookie.h"

#include <gtest/gtest.h>

namespace replicache::protocol {
namespace {

Cookie parsed(std::string_view text) { return parse_cookie(text, "cookie"); }

Order order(std::string_view text) { return parsed(text).order; }

Cookie ours(std::int64_t order, std::int64_t version) { return {.order = {.number = order}, .origin = "o", .lsn = 1, .version = version}; }

constexpr std::int64_t step = std::int64_t{1} << 32;

TEST(ParseCookie, OrdersOfNumbers) {
    EXPECT_EQ(order("0"), (Order{0, 0}));
    EXPECT_EQ(order("42"), (Order{0, 42}));
    EXPECT_EQ(order("4e1"), (Order{0, 40}));
    EXPECT_EQ(order("1.5"), (Order{0, 2}));
    EXPECT_EQ(order("-7.5"), (Order{0, -1}));
    EXPECT_EQ(order("9007199254740991"), (Order{0, Order::max}));
    for (const char* beyond : {"9007199254740992", "1e300", "1e999", "99999999999999999999999999"})
        EXPECT_EQ(order(beyond), (Order{0, Order::unknown})) << beyond;
}

TEST(ParseCookie, OrdersOfTexts) {
    for (const char* text : {R"("")", R"("abc")", R"("0000000000000007")", R"("\ufffe")", R"("\ud800")", R"("\uff")"})
        EXPECT_EQ(order(text), (Order{0, Order::unknown})) << text;
    for (const char* text : {R"("\uffff0000000000000007")", R"("\uFFfF0000000000000007")",
                             "\"\xef\xbf\xbf"
                             "0000000000000007\""})
        EXPECT_EQ(order(text), (Order{1, 7})) << text;
    EXPECT_EQ(order("\"\xef\xbf\xbf\\uffff0000000000000007\""), (Order{2, 7}));
    for (const char* text : {R"("\uffff")", R"("\uffff7")", R"("\uffff00000000000000070")", R"("\uffff000000000000000\u0037")"})
        EXPECT_EQ(order(text), (Order{1, Order::unknown})) << text;
}

TEST(ParseCookie, OfOthers) {
    EXPECT_EQ(order(R"({"order":7})"), (Order{0, 7}));
    EXPECT_EQ(order(R"({"order":"x","order":9})"), (Order{0, 9}));
    EXPECT_EQ(order(R"({ "id" : "\ud800" , "\u006frder" : 8 , "x" : [1e999] })"), (Order{0, 8}));
    for (const char* odd : {"true", "false", "[]", "{}", R"({"order":null})", R"({"order":{}})", R"({"ORDER":1})", R"({"order" 1})"})
        EXPECT_EQ(order(odd), (Order{0, Order::unknown})) << odd;
    for (const char* part :
         {R"("origin":"")", R"("origin":7)", R"("lsn":"1/G")", R"("lsn":"/1")", R"("lsn":"1/")", R"("lsn":"1")", R"("lsn":"1/100000000")",
          R"("lsn":null)", R"("confirmed":"")", R"("skipped":{})", R"("skipped":[7,7])", R"("skipped":["7"])", R"("confirmed":7)",
          R"("version":-1)", R"("version":"3")", R"("version":9007199254740992)", R"("order":null)", R"("order":9007199254740992)"})
        EXPECT_EQ(parsed(R"({"order":7,"version":3,"lsn":"A/B","origin":"o",)" + std::string(part) + "}").origin, "") << part;
    EXPECT_EQ(parsed(R"({"order":7,"version":3,"origin":"o"})").origin, "");
    EXPECT_EQ(parsed(R"({"order":7,"lsn":"A/B","origin":"o"})").origin, "");
    for (const char* part : {R"("xmax":0)", R"("xmax":null)", R"("xmax":-1)", R"("inProgress":null)", R"("inProgress":{})",
                             R"("inProgress":[1,"2"])", R"("inProgress":[8,7,8])", R"("inProgress":[1,9007199254740992])"})
        EXPECT_EQ(parsed(R"({"order":7,"xmax":9,"inProgress":[],"lsn":"A/B","origin":"o",)" + std::string(part) + "}").origin, "") << part;
}

TEST(ParseCookie, Ours) {
    const std::string_view counter = R"({"order":7,"version":3,"lsn":"A/B0000000","origin":"o\u0065-1"})";
    EXPECT_EQ(parsed(counter), (Cookie{.order = {.number = 7}, .source = counter, .origin = "oe-1", .lsn = 0xAB0000000, .version = 3}));
    EXPECT_EQ(parsed(R"({"order":7,"version":3,"lsn":"0/1","confirmed":"1-2-3","origin":"o"})").confirmed, "1-2-3");
    EXPECT_EQ(parsed(R"({"order":7,"version":3,"lsn":"0/1","skipped":[7, 5],"origin":"o"})").skipped, (std::vector<std::int64_t>{7, 5}));
    const std::string_view transaction = R"({"order":"\uffff0000000000000007","xmax":9,"inProgress":[3, 5],"lsn":"0/1","origin":"o"})";
    EXPECT_EQ(parsed(transaction),
              (Cookie{.order = {1, 7}, .source = transaction, .origin = "o", .lsn = 1, .xmax = 9, .in_progress = {3, 5}}));
    EXPECT_EQ(parsed(transaction).position(), 7);
}

TEST(CookieText, IsReadAsTheSameCookie) {
    Cookie cookie{.order = {.number = 7}, .origin = "o", .lsn = 0x16B374D848, .version = 3, .confirmed = "a-b-1"};
    EXPECT_EQ(cookie_text(cookie), R"({"order":7,"version":3,"lsn":"16/B374D848","origin":"o","confirmed":"a-b-1"})");
    for (const Order order : {Order{0, 7}, Order{1, 7}, Order{2, Order::max}})
        for (const std::int64_t xmax : {0, 9}) {
            cookie.order = order;
            cookie.xmax = xmax;
            cookie.version = xmax > 0 ? 0 : 3;
            cookie.in_progress = xmax > 0 ? std::vector<std::int64_t>{4, 6} : std::vector<std::int64_t>{};
            cookie.skipped = {16384, 16385};
            const std::string text = cookie_text(cookie);
            Cookie read = parsed(text);
            EXPECT_EQ(cookie_text(read), text);  // as the client wrote it
            read.source = {};
            EXPECT_EQ(read, cookie) << text;
        }
}

TEST(CookieText, OfAViewIsReadAsTheSameCookie) {
    Cookie cookie{.order = {.number = 7}, .origin = "o", .lsn = 1, .version = 3, .view = CookieView{"", "AwA=", "", "5e"}, .at = 6};
    const std::string text = cookie_text(cookie);
    EXPECT_EQ(text, R"({"order":7,"version":3,"lsn":"0/1","at":6,"view":"","plus":"AwA=","minus":"","seal":"5e","origin":"o"})");
    Cookie read = parsed(text);
    EXPECT_EQ(read.position(), 6);
    read.source = {};
    EXPECT_EQ(read, cookie);
    cookie.xmax = 9;
    cookie.version = cookie.at = 0;
    read = parsed(cookie_text(cookie));
    EXPECT_EQ(read.view, cookie.view);
    EXPECT_EQ(read.position(), 9);
}

TEST(CookieText, WithAViewThatIsNotOursIsNotOurs) {
    const std::string start = R"({"order":7,"version":3,"lsn":"0/1","at":6,"view":)", end = R"(,"minus":"","seal":"5e","origin":"o"})";
    EXPECT_FALSE(parsed(start + R"("","plus":"")" + end).origin.empty());
    for (const std::string& view : {std::string(R"(1,"plus":"")"), std::string(R"("","plus":null)"), std::string(R"("")"),
                                    R"("","plus":")" + std::string(20'000, 'A') + "\""}) {
        const Cookie cookie = parsed(start + view + end);
        EXPECT_TRUE(cookie.origin.empty()) << view.substr(0, 50);
        EXPECT_EQ(cookie.order.number, 7);
    }
}

TEST(CookieText, IsTheVersionWithoutAHistory) { EXPECT_EQ(cookie_text({.version = 3}), "3"); }

TEST(Order, AfterACookieOfTheSameHistory) {
    EXPECT_EQ(order_after(ours(3, 3), 5), (Order{0, 5}));
    EXPECT_EQ(order_after(ours(3, 3), 3), (Order{0, 4})) << "above, though no more has ended";
    EXPECT_EQ(order_after(ours(step - 1, 3), 5), (Order{0, step + 5})) << "that of a page";
    EXPECT_EQ(order_after(ours(Order::max - 1, 3), 5), (Order{0, Order::max}));
    EXPECT_EQ(order_after(ours(Order::max, 3), 5), (Order{1, 5})) << "no numbers left";
    EXPECT_EQ(order_after(ours(2 * step + 3, 3), 5), (Order{0, 2 * step + 5}));
    EXPECT_EQ(order_after(ours(0, 3), 5), (Order{0, 5})) << "one that was made up";
    EXPECT_EQ(order_after(ours(Order::max - step, step), 4 * step), (Order{1, 4 * step})) << "no numbers left";
    Cookie text = ours(3, 3);
    text.order.level = 2;
    EXPECT_EQ(order_after(text, 5), (Order{2, 5}));
}

TEST(Order, AboveOneOfAnotherHistory) {
    for (const std::int64_t position : {std::int64_t{0}, std::int64_t{5}, step, 1000 * step + 7, std::int64_t{1} << 52}) {
        for (const std::int64_t theirs : {std::int64_t{-1}, std::int64_t{0}, position, position + 1, position + step - 1, position + step,
                                          position + step + 1, Order::max - 2 * step, Order::max - step, Order::max}) {
            const Order above = order_above({.number = theirs}, position);
            if (above.level == 0) {
                EXPECT_GT(above.number, theirs);
                EXPECT_LE(above.number, Order::max);
                EXPECT_EQ((above.number - position) % step, 0);
                EXPECT_GT(above.number, position) << "another than that of this history";
            } else {
                EXPECT_EQ(above, (Order{1, position}));
                EXPECT_GT(theirs, Order::max - 3 * step);
            }
        }
        EXPECT_EQ(order_above({0, Order::unknown}, position), (Order{1, position}));
        EXPECT_EQ(order_above({3, Order::unknown}, position), (Order{4, position}));
    }
    EXPECT_EQ(order_above({1, 7}, 5), (Order{1, step + 5}));
}

}  // namespace
}  // namespace replicache::protocol
