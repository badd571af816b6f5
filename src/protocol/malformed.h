// The error of a request that does not keep to its protocol.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace replicache::protocol {

// Where something is in a request, for messages: put into words only when there is one.
struct Path {
    Path(std::string name) : name(std::move(name)) {}
    Path(const char* name) : name(name) {}
    Path(std::string name, std::size_t index) : name(std::move(name)), index(index) {}
    std::string text() const { return index ? name + "[" + std::to_string(*index) + "]" : name; }

    std::string name;
    std::optional<std::size_t> index;
};

// what() names the place and the fault: `push.mutations[3].id: expected an unsigned integer, got "x"`.
class MalformedRequest : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    MalformedRequest(const Path& path, std::string_view expected, std::string_view got);
};

}  // namespace replicache::protocol
