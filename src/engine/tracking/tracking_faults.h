// Finds tracked tables whose changes go unnoticed: their triggers were dropped or disabled, tables or partitions were dropped while event
// triggers were disabled, another table has taken the name, or keys are not unique any more.
#pragma once

#include "prelude.h"

namespace replicache::engine {

struct TrackingFault {
    Oid relation;  // the tracked table; InvalidOid: it was dropped
    std::string problem, detail, hint;
};

// Throws 55000 and says what to do, when changes of some tracked table could go unnoticed. Costs nothing as long as no definition
// changes. Needs an open SPI connection.
void check_tracking();

// The tracked tables that can have rows with equal keys now, in one table or in two. Needs an open SPI connection.
std::vector<Oid> tables_with_unsafe_keys();

// All that is wrong, looked up anew. Needs an open SPI connection.
std::vector<TrackingFault> tracking_faults();

}  // namespace replicache::engine
