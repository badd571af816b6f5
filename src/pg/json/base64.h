// Base64 as clients write it: the standard or the URL alphabet, with or without padding, and no other characters.
#pragma once

#include "prelude.h"

namespace replicache::pg {

// Decodes into `bytes`, which has room for 3/4 of the text. False: the text is not base64. Raises no errors.
bool decode_base64(std::string_view text, char* bytes, std::size_t* length);

}  // namespace replicache::pg
