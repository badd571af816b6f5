// Digests that nobody can make without the secret of this database: ids of records, and seals of cookies.
#pragma once

#include "prelude.h"

namespace replicache::engine {

// 32 hexadecimal digits: the start of an HMAC-SHA-256 over the parts, which are told apart. Equal parts have equal digests.
std::string secret_digest(std::initializer_list<std::string_view> parts);

}  // namespace replicache::engine
