#include "protocol/request.h"

#include <gtest/gtest.h>

#include "helpers.h"

namespace replicache::protocol {

namespace {

std::string member(std::string_view object, std::string_view name) { return std::string(Object(object, "args").find(name)); }

std::string elements(std::string_view array) {
    std::string list;
    for_each_element(array, "a", [&](std::string_view value, const Extent&) { list += std::string(value) + ";"; });
    return list;
}

std::string members_fault(std::string_view object) {
    return fault_of([&] { Object(object, "args"); });
}

std::string elements_fault(std::string_view array) {
    return fault_of([&] { elements(array); });
}

std::string integer_fault(std::string_view value) {
    return fault_of([&] { Object(R"({"n":)" + std::string(value) + "}", "o").unsigned_integer("n"); });
}

std::string text_fault(std::string_view value) {
    return fault_of([&] { Object(R"({"s":)" + std::string(value) + "}", "o").text("s"); });
}

std::string text_of(std::string_view value) { return Object(R"({"s":)" + std::string(value) + "}", "o").text("s"); }

// Every kind of value, and what is hard to find the end of.
const std::vector<std::string> hard_values = {"null",
                                              "true",
                                              "false",
                                              "0",
                                              "-0",
                                              "7",
                                              "-7",
                                              "0.10",
                                              "1.5e3",
                                              "1E+2",
                                              "1e-2",
                                              "1e999",
                                              "-1e999",
                                              "123456789012345678901234567890",
                                              "0.123456789012345678901234567890",
                                              R"("")",
                                              R"("x")",
                                              R"("\"")",
                                              R"("\\")",
                                              R"("\\\"")",
                                              R"("\\\\")",
                                              R"("a\\\"b")",
                                              R"("]}")",
                                              R"("[{,:")",
                                              R"("\u0000")",
                                              R"("\ud800")",
                                              R"("\udc00\ud800")",
                                              R"("😀\ud83d\ude00")",
                                              "{}",
                                              "[]",
                                              "[[]]",
                                              R"({"a":{}})",
                                              R"({"a":"}"})",
                                              R"(["]"])",
                                              R"(["\"]"])",
                                              R"(["\\"])",
                                              R"({"\"}":"\\"})",
                                              R"([{"a":[1,{"b":"]}"}]},"["])",
                                              "[ 1 ,\n\t2\r]",
                                              R"({ "a" : 1 })",
                                              "[1e999,\"\\u0000\"]"};

}  // namespace

TEST(Members, FindsExactExtents) {
    for (const auto& value : hard_values) {
        EXPECT_EQ(member(R"({"a":)" + value + "}", "a"), value);
        for (const std::string& object :
             {R"({"a":)" + value + R"(,"b":)" + value + "}", " \t\r\n{ \"a\" \n:\t" + value + "\r\n, \"b\" : " + value + " } \n"}) {
            EXPECT_EQ(member(object, "a"), value);
            EXPECT_EQ(member(object, "b"), value);
            EXPECT_EQ(member(object, "c"), "");
        }
    }
}

TEST(Members, ValuesAreSlicesOfTheText) {
    const std::string text = R"({"a": [1, 2] })";
    const std::string_view value = Object(text, "args").find("a");
    EXPECT_EQ(value.data(), text.data() + 6);
    EXPECT_EQ(value.size(), 6U);
}

TEST(Members, EmptyObject) {
    EXPECT_EQ(member("{}", "a"), "");
    EXPECT_EQ(member(" { \n} ", ""), "");
}

TEST(Members, DecodesNames) {
    EXPECT_EQ(member(R"({"\u0069d":1})", "id"), "1");
    EXPECT_EQ(member(R"({"\"\\\/\b\f\n\r\t":1})", "\"\\/\b\f\n\r\t"), "1");
    EXPECT_EQ(member(R"({"":1})", ""), "1");
    EXPECT_EQ(member(R"({"é\u00e9":1})", "éé"), "1");
    EXPECT_EQ(member(R"({"\ud83d\ude00":1})", "😀"), "1");
    EXPECT_EQ(member("{\"\x7f\":1}", "\x7f"), "1");
}

TEST(Members, LastOfEqualNamesWins) {
    EXPECT_EQ(member(R"({"a":1,"a":2})", "a"), "2");
    for (const auto& [name, value] : {std::pair("a", "[4]"), std::pair("b", "3")})
        EXPECT_EQ(member(R"({"a":1,"\u0061":2,"b":3,"a":[4]})", name), value);
    for (const auto& [name, value] : {std::pair("a", "null"), std::pair("b", "2")})
        EXPECT_EQ(member(R"({"a":{"a":1},"b":2,"a":null})", name), value);
    std::string many = "{";
    for (std::size_t i = 0; i < max_members; ++i) many += "\"" + std::to_string(i % 3) + "\":" + std::to_string(i) + ",";
    many.back() = '}';
    for (const auto& [name, value] : {std::pair("0", "99"), std::pair("1", "97"), std::pair("2", "98")})
        EXPECT_EQ(member(many, name), value);
}

TEST(Members, RefusesWhatIsNoObject) {
    for (const auto* value : {"null", "1", "[1]", R"("{}")", "true", "foo", "}", "\xEF\xBB\xBF{}"})
        EXPECT_EQ(members_fault(value), "args: expected an object, got " + std::string(value));
    EXPECT_EQ(members_fault(""), "args: expected an object, got nothing");
    EXPECT_EQ(members_fault(" \n"), "args: expected an object, got nothing");
    EXPECT_EQ(fault_of([] { Object("[]", "x.y"); }), "x.y: expected an object, got []");
}

TEST(Members, RefusesInvalidJson) {
    const std::string invalid = "args: not valid JSON: expected ";
    EXPECT_EQ(members_fault("{"), invalid + "a string, got nothing");
    EXPECT_EQ(members_fault("{a:1}"), invalid + "a string, got a:1}");
    EXPECT_EQ(members_fault("{'a':1}"), invalid + "a string, got 'a':1}");
    EXPECT_EQ(members_fault("{1:1}"), invalid + "a string, got 1:1}");
    EXPECT_EQ(members_fault("{,}"), invalid + "a string, got ,}");
    EXPECT_EQ(members_fault(R"({"a":1,})"), invalid + "a string, got }");
    EXPECT_EQ(members_fault(R"({"a)"), invalid + R"(a string that ends, got "a)");
    EXPECT_EQ(members_fault(R"({"a\)"), invalid + R"(a string that ends, got "a\)");
    EXPECT_EQ(members_fault(R"({"a\")"), invalid + R"(a string that ends, got "a\")");
    EXPECT_EQ(members_fault(R"({"a")"), invalid + R"(":", got nothing)");
    EXPECT_EQ(members_fault(R"({"a"1})"), invalid + R"(":", got 1})");
    EXPECT_EQ(members_fault(R"({"a",})"), invalid + R"(":", got ,})");
    EXPECT_EQ(members_fault(R"({"a":)"), invalid + "a value, got nothing");
    EXPECT_EQ(members_fault(R"({"a":})"), invalid + "a value, got }");
    EXPECT_EQ(members_fault(R"({"a":,"b":1})"), invalid + R"(a value, got ,"b":1})");
    EXPECT_EQ(members_fault(R"({"a"::1})"), invalid + "a value, got :1}");
    EXPECT_EQ(members_fault(R"({"a":1)"), invalid + R"("," or "}", got nothing)");
    EXPECT_EQ(members_fault(R"({"a":1 "b":2})"), invalid + R"("," or "}", got "b":2})");
    EXPECT_EQ(members_fault(R"({"a":1]})"), invalid + R"("," or "}", got ]})");
    EXPECT_EQ(members_fault(R"({"a":"x"y})"), invalid + R"("," or "}", got y})");
    EXPECT_EQ(members_fault(R"({"a":[)"), invalid + "brackets that close, got [");
    EXPECT_EQ(members_fault(R"({"a":{"b":1})"), invalid + R"("," or "}", got nothing)");
    EXPECT_EQ(members_fault(R"({"a":[1}})"), invalid + R"("]", got }})");
    EXPECT_EQ(members_fault(R"({"a":{]})"), invalid + R"("}", got ]})");
    EXPECT_EQ(members_fault(R"({"a":["b})"), invalid + R"(a string that ends, got "b})");
    EXPECT_EQ(members_fault("{} x"), invalid + "the end, got x");
    EXPECT_EQ(members_fault("{}{}"), invalid + "the end, got {}");
    EXPECT_EQ(members_fault(std::string("{}\0", 3)), invalid + "the end, got " + std::string("\0", 1).c_str());
}

TEST(Members, RefusesWhatIsNoScalar) {
    const std::string expected = "args: not valid JSON: expected a value, got ";
    for (const std::string value : {"foo", "nul", "nulll", "True", "NaN", "Infinity", "-Infinity", "-",   "+1",  "01",   "-01", "00", ".5",
                                    "-.5", "1.",  "1.e3",  "1e",   "1e+", "1e1.5",    "1.5.5",     "--1", "1-1", "0x10", "1a",  "e1"})
        EXPECT_EQ(members_fault(R"({"a":)" + value + "}"), expected + value + "}");
    for (const std::string value : {"'x'", "#", "/**/1", "\v1",
                                    "\xC2\xA0"
                                    "1",
                                    "\xff"})
        EXPECT_EQ(members_fault(R"({"a":)" + value + "}"), expected + value + "}");
}

TEST(Members, DepthCostsNothing) {
    constexpr std::size_t depth = 100'000;
    const std::string deep = repeated("[", depth) + repeated("]", depth);
    EXPECT_EQ(member(R"({"a":)" + deep + "}", "a"), deep);
    const std::string mixed = repeated(R"({"a":[)", depth) + repeated("]}", depth);
    EXPECT_EQ(member(R"({"a":)" + mixed + "}", "a"), mixed);
    EXPECT_EQ(members_fault(R"({"a":)" + repeated("[", depth)).substr(0, 54), "args: not valid JSON: expected brackets that close, go");
}

TEST(SplitElements, FindsExactExtents) {
    EXPECT_EQ(elements("[]"), "");
    EXPECT_EQ(elements(" [ ] "), "");
    for (const auto& value : hard_values) {
        EXPECT_EQ(elements("[" + value + "]"), value + ";");
        EXPECT_EQ(elements(" [\t" + value + " ,\r\n" + value + "\n] "), value + ";" + value + ";");
    }
}

TEST(SplitElements, RefusesTheRest) {
    for (const auto* value : {"null", "1", "{}", R"("[]")", "]"})
        EXPECT_EQ(elements_fault(value), "a: expected an array, got " + std::string(value));
    EXPECT_EQ(elements_fault(""), "a: expected an array, got nothing");
    const std::string invalid = "a: not valid JSON: expected ";
    EXPECT_EQ(elements_fault("["), invalid + "a value, got nothing");
    EXPECT_EQ(elements_fault("[,]"), invalid + "a value, got ,]");
    EXPECT_EQ(elements_fault("[1,]"), invalid + "a value, got ]");
    EXPECT_EQ(elements_fault("[1"), invalid + R"("," or "]", got nothing)");
    EXPECT_EQ(elements_fault("[1 2]"), invalid + R"("," or "]", got 2])");
    EXPECT_EQ(elements_fault("[1}"), invalid + R"("," or "]", got })");
    EXPECT_EQ(elements_fault(R"(["a":1])"), invalid + R"("," or "]", got :1])");
    EXPECT_EQ(elements_fault("[1]]"), invalid + "the end, got ]");
}

TEST(SplitElements, AsksBeforeEachElementWhetherToStop) {
    static int asked;
    asked = 0;
    before_element = [] {
        if (++asked == 3) throw MalformedRequest("stop");
    };
    EXPECT_EQ(elements_fault("[1,2,3,4]"), "stop");
    EXPECT_EQ(asked, 3);
    before_element = [] {};
}

TEST(Object, FindsByDecodedNameAndLastWins) {
    const Object object(R"({"a":1,"\u0062":{"c":2},"a":3})", "o");
    EXPECT_EQ(object.find("a"), "3");
    EXPECT_EQ(object.find("b"), R"({"c":2})");
    EXPECT_EQ(object.find("c"), "");
    EXPECT_EQ(object.find("A"), "");
    EXPECT_EQ(object.find(""), "");
    EXPECT_EQ(fault_of([&] { object.at("c"); }), "o.c: missing");
}

TEST(Object, IgnoresNamesThatCannotBeDecoded) {
    const Object object("{\"\\ud800\":1,\"\xff\":1,\"\n\":1,\"\\x\":1,\"\\u12\":1,\"a\\u0000\":1,\"b\":2}", "o");
    EXPECT_EQ(object.find("a"), "");
    EXPECT_EQ(object.find("b"), "2");
}

TEST(Object, ReadsUnsignedIntegers) {
    EXPECT_EQ(Object(R"({"n":0})", "o").unsigned_integer("n"), 0);
    EXPECT_EQ(Object(R"({"n": 42 })", "o").unsigned_integer("n"), 42);
    EXPECT_EQ(Object(R"({"n":9007199254740991})", "o").unsigned_integer("n"), 9007199254740991);
    for (const std::string value : {"-1", "-0", "1.0", "0.5", "1e3", "1e999", "null", "true", R"("1")", R"("")", "[1]", "{}",
                                    "1234567890123456789012345678901234567890.5"}) {
        const std::string got = value.size() > 40 ? value.substr(0, 40) + "…" : value;
        EXPECT_EQ(integer_fault(value), "o.n: expected an unsigned integer, got " + got);
    }
    for (const std::string value :
         {"9007199254740992", "9223372036854775807", "9223372036854775808", "18446744073709551616", "123456789012345678901234567890"})
        EXPECT_EQ(integer_fault(value), "o.n: expected an unsigned integer up to 9007199254740991, got " + value);
    EXPECT_EQ(fault_of([] { Object("{}", "o").unsigned_integer("n"); }), "o.n: missing");
}

TEST(Object, ReadsText) {
    EXPECT_EQ(text_of(R"("")"), "");
    EXPECT_EQ(text_of(R"("plain")"), "plain");
    EXPECT_EQ(text_of(R"("\u0041\"\\\/\n\u00e9\ud83d\ude00é😀")"), "A\"\\/\né😀é😀");
    EXPECT_EQ(text_of(R"("\u0001")"), "\x01");
    EXPECT_EQ(text_of(R"("\uffff")"), "\xEF\xBF\xBF");
    EXPECT_EQ(text_of("\"\x7f\""), "\x7f");
    for (const std::string value : {"null", "true", "1", "1e999", "[]", R"(["x"])", R"({"x":1})"})
        EXPECT_EQ(text_fault(value), "o.s: expected a string, got " + value);
    EXPECT_EQ(fault_of([] { Object("{}", "o").text("s"); }), "o.s: missing");
}

TEST(Object, RefusesTextThatCannotBeStored) {
    for (const std::string value : {R"("\u0000")", R"("a\u0000b")"})
        EXPECT_EQ(text_fault(value), "o.s: expected a string without \\u0000, got " + value);
    for (const std::string& value :
         {std::string(R"("\ud800")"), std::string(R"("\udc00")"), std::string(R"("\ud800\ud800")"), std::string(R"("\ud800x")"),
          std::string(R"("\ud83d\u0041")"), std::string("\"\xff\""), std::string("\"\xc0\x80\""), std::string("\"\xed\xa0\x80\""),
          std::string("\"\xf4\x90\x80\x80\""), std::string("\"\xe2\x82\""), std::string("\"a\nb\""), std::string("\"\0\"", 3),
          std::string(R"("\x")"), std::string(R"("\u12")"), std::string(R"("\u12zz")")}) {
        // A message ends at a NUL byte, if the value has one.
        EXPECT_EQ(text_fault(value), ("o.s: expected a string of valid Unicode, got " + value).c_str());
    }
}

TEST(Object, LimitsIdentifiers) {
    const auto fault = [](const std::string& value) {
        return fault_of([&] { Object(R"({"s":")" + value + R"("})", "o").identifier("s"); });
    };
    EXPECT_EQ(fault("x"), "accepted");
    EXPECT_EQ(fault(std::string(1000, 'x')), "accepted");
    EXPECT_EQ(fault(repeated("é", 500)), "accepted");
    EXPECT_EQ(fault(repeated("\\u0041", 1000)), "accepted");
    EXPECT_EQ(fault(""), R"(o.s: expected a string of 1 to 1000 bytes, got "")");
    const std::string shortened = "o.s: expected a string of 1 to 1000 bytes, got \"";
    EXPECT_EQ(fault(std::string(1001, 'x')), shortened + std::string(39, 'x') + "…");
    EXPECT_EQ(fault(repeated("é", 500) + "x"), shortened + repeated("é", 19) + "…");
    EXPECT_EQ(fault(repeated("\\u00e9", 501)), shortened + repeated("\\u00e9", 6) + "\\u0…");
    EXPECT_EQ(fault("a\\u0000"), R"(o.s: expected a string without \u0000, got "a\u0000")");
}

TEST(Message, IsCutBetweenCharacters) {
    const auto message = [](const std::string& got) { return std::string(MalformedRequest("p", "x", got).what()); };
    EXPECT_EQ(message(std::string(40, 'a')), "p: expected x, got " + std::string(40, 'a'));
    EXPECT_EQ(message(std::string(41, 'a')), "p: expected x, got " + std::string(40, 'a') + "…");
    EXPECT_EQ(message(std::string(39, 'a') + "é"), "p: expected x, got " + std::string(39, 'a') + "…");
    EXPECT_EQ(message(std::string(38, 'a') + "éb"), "p: expected x, got " + std::string(38, 'a') + "é…");
    EXPECT_EQ(message(std::string(37, 'a') + "😀"), "p: expected x, got " + std::string(37, 'a') + "…");
    EXPECT_EQ(message(std::string(100, '\x80')), "p: expected x, got " + std::string(36, '\x80') + "…");
}

}  // namespace replicache::protocol
