// The part of an answer that says before which mutation a push has stopped, and why.
#pragma once

#include "model/batch.h"
#include "protocol/writer.h"

namespace replicache::protocol {

void write_halt(Writer& writer, const Batch& batch, const Halt& halt);

}  // namespace replicache::protocol
