// Integers as clients write them, in every notation, without loss.
#pragma once

#include "prelude.h"

namespace replicache::pg {

enum class IntegerText { valid, fraction, out_of_range, no_number };

// Reads a decimal number whose value is integral, such as 7, 7.0 or 70e-1, with space around it. Takes time in proportion to
// the length of the text, not to the number. Raises nothing.
IntegerText read_integer(std::string_view text, std::int64_t* result);

}  // namespace replicache::pg
