// The errors on record: why which mutation was rejected.
#pragma once

#include "engine/batch.h"
#include "engine/client.h"

namespace replicache::engine {

void store_rejections(const Batch& batch, const std::vector<Rejection>& rejections, const ClientGroup& group);

}  // namespace replicache::engine
