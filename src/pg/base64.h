// Base64 as clients write it: the standard or the URL alphabet, with padding or without, and nothing else.
#pragma once

#include "prelude.h"

namespace replicache::pg {

// Decodes into `bytes`, which has room for 3/4 of the text. False for what is not base64. Raises nothing.
bool decode_base64(std::string_view text, char* bytes, std::size_t* length);

}  // namespace replicache::pg
