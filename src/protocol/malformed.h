// The error of a request that does not keep to its protocol.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace replicache::protocol {

// what() names the place and the fault: `push.mutations[3].id: expected an unsigned integer, got "x"`.
class MalformedRequest : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    MalformedRequest(const std::string& path, std::string_view expected, std::string_view got);
};

}  // namespace replicache::protocol
