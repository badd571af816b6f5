// Cookies of Replicache's clients: those that we have given, and those of other backends.
#pragma once

#include <string_view>

#include "model/cookie.h"
#include "protocol/request.h"

namespace replicache::protocol {

// Of what is no cookie of ours, only the order is read. The value may be any JSON.
Cookie parse_cookie(std::string_view value, const Path& path);

}  // namespace replicache::protocol
