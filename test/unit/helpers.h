// What the unit tests share.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "protocol/replicache.h"

namespace replicache::protocol {

// The message of the MalformedRequest that the call throws; "accepted" when it throws none.
template <typename Call>
std::string fault_of(Call call) {
    try {
        call();
    } catch (const MalformedRequest& malformed) {
        return malformed.what();
    }
    return "accepted";
}

inline std::string push_fault(std::string_view text) {
    return fault_of([&] { parse_push(text); });
}

inline std::string pull_fault(std::string_view text) {
    return fault_of([&] { parse_pull(text); });
}

inline Push accepted_push(std::string_view text) { return std::get<Push>(parse_push(text)); }

inline Pull accepted_pull(std::string_view text) { return std::get<Pull>(parse_pull(text)); }

// The text with its first `what` replaced.
inline std::string replaced(std::string text, std::string_view what, std::string_view by) {
    return text.replace(text.find(what), what.size(), by);
}

inline std::string repeated(std::string_view what, std::size_t times) {
    std::string text;
    text.reserve(what.size() * times);
    for (std::size_t i = 0; i < times; ++i) text += what;
    return text;
}

}  // namespace replicache::protocol
