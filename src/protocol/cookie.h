// The text of cookies of Replicache's clients, written and read. Clients may also come with cookies of other backends.
#pragma once

#include <string>
#include <string_view>

#include "model/cookie.h"
#include "protocol/request.h"

namespace replicache::protocol {

// What the client gets: Cookie::source where there is one, else an object with all members, or the version alone where there is no origin.
std::string cookie_text(const Cookie& cookie);

// Reads any JSON. Of a cookie that is not ours, it reads the order only.
Cookie parse_cookie(std::string_view value, const Path& path);

}  // namespace replicache::protocol
