// The text of cookies of Replicache's clients, written and read. Clients may also come with cookies of other backends.
#pragma once

#include <string>
#include <string_view>

#include "model/cookie.h"
#include "protocol/request.h"

namespace replicache::protocol {

// The text that the client gets. It is Cookie::source if there is one. Otherwise it is an object with all members, or the version alone if
// there is no origin.
std::string cookie_text(const Cookie& cookie);

// Accepts any JSON. If a cookie is not ours, only its order is read.
Cookie parse_cookie(std::string_view value, const Path& path);

}  // namespace replicache::protocol
