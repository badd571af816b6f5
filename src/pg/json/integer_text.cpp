#include "pg/json/integer_text.h"

#include "base/text.h"

namespace replicache::pg {
namespace {

bool take_sign(std::string_view* rest) {
    if (rest->empty() || ((*rest)[0] != '-' && (*rest)[0] != '+')) return false;
    const bool negative = (*rest)[0] == '-';
    rest->remove_prefix(1);
    return negative;
}

// False for what is no exponent.
bool take_exponent(std::string_view* rest, std::int64_t* exponent) {
    *exponent = 0;
    if (rest->empty()) return true;
    if ((*rest)[0] != 'e' && (*rest)[0] != 'E') return false;
    rest->remove_prefix(1);
    const bool negative = take_sign(rest);
    const std::string_view digits = take_digits(*rest);
    // No text has as many digits as that.
    constexpr std::int64_t large_enough = 1'000'000'000'000;
    for (const char c : digits)
        if (*exponent < large_enough) *exponent = *exponent * 10 + (c - '0');
    if (negative) *exponent = -*exponent;
    return !digits.empty();
}

}  // namespace

IntegerText read_integer(std::string_view text, std::int64_t* result) {
    std::string_view rest = trim(text, is_space);
    const bool negative = take_sign(&rest);
    const std::string_view whole = take_digits(rest);
    std::string_view fraction;
    if (!rest.empty() && rest[0] == '.') {
        rest.remove_prefix(1);
        fraction = take_digits(rest);
    }
    std::int64_t exponent;
    if (whole.size() + fraction.size() == 0 || !take_exponent(&rest, &exponent) || !rest.empty()) return IntegerText::no_number;

    // The value is the digits from the first to the last that is not 0, times a power of ten.
    const std::size_t count = whole.size() + fraction.size();
    const auto digit = [&](std::size_t i) { return i < whole.size() ? whole[i] : fraction[i - whole.size()]; };
    std::size_t first = 0;
    while (first < count && digit(first) == '0') ++first;
    *result = 0;
    if (first == count) return IntegerText::valid;
    std::size_t last = count - 1;
    while (digit(last) == '0') --last;
    std::int64_t power = exponent - static_cast<std::int64_t>(fraction.size()) + static_cast<std::int64_t>(count - 1 - last);
    if (power < 0) return IntegerText::fraction;

    // As many digits fit into 64 bits without a sign.
    constexpr std::int64_t safe_digits = 19;
    if (static_cast<std::int64_t>(last - first + 1) + power > safe_digits) return IntegerText::out_of_range;
    std::uint64_t magnitude = 0;
    for (std::size_t i = first; i <= last; ++i) magnitude = magnitude * 10 + static_cast<std::uint64_t>(digit(i) - '0');
    for (; power > 0; --power) magnitude *= 10;
    constexpr std::uint64_t largest = INT64_MAX;
    if (magnitude > largest + negative) return IntegerText::out_of_range;
    *result = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
    return IntegerText::valid;
}

}  // namespace replicache::pg
