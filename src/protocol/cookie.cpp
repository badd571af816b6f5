#include "protocol/cookie.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>

#include "protocol/writer.h"

namespace replicache::protocol {

namespace {

std::string order_text(const Order& order) {
    if (order.level == 0) return std::to_string(order.number);
    std::string text = "\"";
    for (int i = 0; i < order.level; ++i) text += "\\uffff";
    const std::string digits = std::to_string(order.number);
    return text + std::string(16 - digits.size(), '0') + digits + "\"";
}

std::string numbers_text(const std::vector<std::int64_t>& numbers) {
    std::string text = "[";
    for (const std::int64_t number : numbers) {
        if (text.size() > 1) text += ',';
        text += std::to_string(number);
    }
    return text + "]";
}

// "16/B374D848", as PostgreSQL writes it.
std::string lsn_text(std::uint64_t lsn) {
    char text[2 * 8 + 2];
    const int length = std::snprintf(text, sizeof text, "%X/%X", static_cast<unsigned>(lsn >> 32), static_cast<unsigned>(lsn));
    return {text, static_cast<std::size_t>(length)};
}

// U+FFFF, as it is or escaped.
bool take_highest_unit(std::string_view& text) {
    const bool escaped = text.size() >= 6 && text.starts_with("\\u") && text.substr(2, 4).find_first_not_of("fF") == std::string_view::npos;
    if (!escaped && !text.starts_with("\xef\xbf\xbf")) return false;
    text.remove_prefix(escaped ? 6 : 3);
    return true;
}

Order order_of_text(std::string_view quoted) {
    std::string_view text = quoted.substr(1, quoted.size() - 2);
    Order order{.number = Order::unknown};
    while (take_highest_unit(text)) ++order.level;
    if (order.level > 0 && text.size() == 16 && is_unsigned_integer(text))
        std::from_chars(text.data(), text.data() + text.size(), order.number);
    return order;
}

Order order_of_number(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number > static_cast<double>(Order::max)) return {.number = Order::unknown};
    return {.number = number < 0 ? -1 : static_cast<std::int64_t>(std::ceil(number))};
}

// Orders that clients cannot compare are unknown, too.
Order order_of(std::string_view value) {
    if (value.starts_with('"')) return order_of_text(value);
    if (value.starts_with('-') || (!value.empty() && value[0] >= '0' && value[0] <= '9')) return order_of_number(value);
    return {.number = Order::unknown};
}

std::optional<std::uint32_t> parse_hexadecimal(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> parse_lsn(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto high = parse_hexadecimal(text.substr(0, slash)), low = parse_hexadecimal(text.substr(slash + 1));
    return high && low ? std::optional(static_cast<std::uint64_t>(*high) << 32 | *low) : std::nullopt;
}

// Throws MalformedRequest unless each number comes once: the same one over and over would be a large answer to a small question.
std::vector<std::int64_t> read_numbers(std::string_view array, const Path& path) {
    std::vector<std::int64_t> numbers;
    for_each_element(array, path, [&](std::string_view number, const Extent& read) {
        read.make_room(numbers);
        numbers.push_back(to_unsigned_integer(number, path));
    });
    std::vector<std::int64_t> sorted = numbers;
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) != sorted.end()) throw MalformedRequest(path, "every number once", "one twice");
    return numbers;
}

// The longest member of a view that is looked at. Those that we write are shorter.
constexpr std::size_t max_view_text = 16384;

// Throws MalformedRequest when it is none of ours.
CookieView read_view(const Object& object, const Path& path) {
    const auto text = [&](std::string_view name) {
        if (object.at(name).size() > max_view_text) throw MalformedRequest(path, "a short text", "a long one");
        return object.text(name);
    };
    return {.record = text("view"), .plus = text("plus"), .minus = text("minus"), .seal = text("seal")};
}

// Throws MalformedRequest when it is none of ours.
CookiePage read_page(const Object& object, const Path& path) {
    const Object page(object.at("page"), path);
    return {.table = page.unsigned_integer("table"), .after = page.text("after"), .at = page.unsigned_integer("at")};
}

// Throws MalformedRequest when one of its members is none of ours.
bool read_position(const Object& object, const Path& path, Cookie& cookie) {
    const auto lsn = parse_lsn(object.text("lsn"));
    if (!lsn) return false;
    cookie.lsn = *lsn;
    if (!object.find("confirmed").empty()) cookie.confirmed = object.identifier("confirmed");
    if (const std::string_view skipped = object.find("skipped"); !skipped.empty()) cookie.skipped = read_numbers(skipped, path);
    if (!object.find("version").empty()) {
        cookie.version = object.unsigned_integer("version");
        if (object.find("at").empty()) return true;  // then there is no view and no page
        cookie.at = object.unsigned_integer("at");
    } else {
        cookie.xmax = object.unsigned_integer("xmax");
        cookie.in_progress = read_numbers(object.at("inProgress"), path);
        if (cookie.xmax == 0) return false;
    }
    if (!object.find("view").empty()) cookie.view = read_view(object, path);
    if (!object.find("page").empty()) cookie.page = read_page(object, path);
    return true;
}

}  // namespace

std::string cookie_text(const Cookie& cookie) {
    if (!cookie.source.empty()) return std::string(cookie.source);
    if (cookie.origin.empty()) return std::to_string(cookie.version);
    Writer writer;
    writer.begin('{');
    writer.json("order", order_text(cookie.order));
    if (cookie.xmax > 0) {
        writer.member("xmax", cookie.xmax);
        writer.json("inProgress", numbers_text(cookie.in_progress));
    } else {
        writer.member("version", cookie.version);
    }
    writer.member("lsn", lsn_text(cookie.lsn));
    if (cookie.at > 0) writer.member("at", cookie.at);
    if (cookie.view) {
        writer.member("view", cookie.view->record);
        writer.member("plus", cookie.view->plus);
        writer.member("minus", cookie.view->minus);
        writer.member("seal", cookie.view->seal);
    }
    if (cookie.page) {
        writer.name("page");
        writer.begin('{');
        writer.member("table", cookie.page->table);
        writer.member("after", cookie.page->after);
        writer.member("at", cookie.page->at);
        writer.end('}');
    }
    if (!cookie.skipped.empty()) writer.json("skipped", numbers_text(cookie.skipped));
    writer.member("origin", cookie.origin);
    // The last one: a backend adds it to a cookie that several client groups share, and both must be the same text.
    if (!cookie.confirmed.empty()) writer.member("confirmed", cookie.confirmed);
    writer.end('}');
    return writer.take();
}

Cookie parse_cookie(std::string_view value, const Path& path) {
    if (!value.starts_with('{')) return {.order = order_of(value), .source = value};
    Cookie theirs{.order = {.number = Order::unknown}, .source = value};
    try {
        const Object object(value, path);
        theirs.order = order_of(object.find("order"));
        if (object.find("origin").empty() || theirs.order.number > Order::max) return theirs;
        Cookie ours = theirs;
        if (read_position(object, path, ours)) {
            ours.origin = object.identifier("origin");
            return ours;
        }
    } catch (const MalformedRequest&) {  // somebody else's
    }
    return theirs;
}

}  // namespace replicache::protocol
