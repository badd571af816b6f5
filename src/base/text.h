// Small things about text that the protocols and src/pg share. Plain C++.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace replicache {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// As isspace() of the C locale.
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Takes all leading digits off the text.
constexpr std::string_view take_digits(std::string_view& text) {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n])) ++n;
    const std::string_view digits = text.substr(0, n);
    text.remove_prefix(n);
    return digits;
}

// Without the characters at both ends of which `is_blank` says so.
template <class IsBlank>
constexpr std::string_view trim(std::string_view text, IsBlank is_blank) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// As much of a text as a message can bear: at most so many bytes, cut between two characters of UTF-8.
inline std::string shorten(std::string_view text, std::size_t most) {
    if (text.size() <= most) return std::string(text);
    constexpr std::size_t longest_character = 4;
    const std::size_t least = most - std::min(most, longest_character);
    std::size_t cut = most;
    while (cut > least && (static_cast<unsigned char>(text[cut]) & 0xc0U) == 0x80U) --cut;
    return std::string(text.substr(0, cut)) + "…";
}

}  // namespace replicache
