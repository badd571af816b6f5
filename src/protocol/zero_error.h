// An error as the details of an application error of Zero, for mutations and queries.
#pragma once

#include "model/batch.h"
#include "protocol/writer.h"

namespace replicache::protocol {

// Writes the member "details" of an error, if it has any:
// - A DETAIL that is a JSON object or array was written for the client.
// - Another DETAIL of RAISE EXCEPTION is a text for the client.
// - DETAILs of PostgreSQL can show columns that the client may not see. They stay here. The client gets what Zero's library says of any
//   error of the database: {"name":"error"}.
void write_zero_details(Writer& writer, const Failure& failure);

}  // namespace replicache::protocol
