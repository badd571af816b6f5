// Finds tracked tables whose changes go unnoticed: their triggers were dropped or disabled, tables or partitions were dropped while event
// triggers were disabled, another table has taken the name, or keys are not unique any more.
#pragma once

namespace replicache::engine {

// Throws 55000 and says what to do, when changes of some tracked table could go unnoticed. Costs nothing as long as no definition
// changes. Needs an open SPI connection.
void check_tracking();

}  // namespace replicache::engine
