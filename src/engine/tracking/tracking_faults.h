// What has been done to tracked tables behind our back, so that changes of them go unnoticed: triggers dropped or disabled, partitions
// or tables dropped while event triggers were off, a table that another one has taken the name of, keys that are not unique any more.
#pragma once

namespace replicache::engine {

// Throws 55000 and says what to do, when changes of some tracked table could go unnoticed. Costs nothing as long as no definition
// changes. Needs an open SPI connection.
void check_tracking();

}  // namespace replicache::engine
