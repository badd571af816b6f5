// Pulls of the protocol in which a user's data has one head: what has become of each row since an earlier one.
#pragma once

#include "engine/last_mutation_at/paging.h"
#include "model/last_mutation_at.h"

namespace replicache::engine {

// Kind insert: the row came into being after `since`. See sync_paging.h for pages.
SyncPage sync_pull(const SyncPull& pull, const std::string& user);

// no_head: no history.
std::int64_t sync_head(const std::string& user);

}  // namespace replicache::engine
