// Pokes: the NOTIFY that tells listeners that a space has changed. docs/pokes.md says what they are for.
//
// PostgreSQL lets one transaction with a NOTIFY commit at a time, in the whole server (PreCommit_Notify in commands/async.c). So a
// transaction leaves notes for a worker after its commit, and the worker notifies. Where there is no worker, the transaction notifies.
#pragma once

#include "pg/border.h"

namespace replicache::engine {

// Pokes for a change of the space by this transaction, after its commit: {"space":…,"version":…} on the channel replicache.poke_channel.
// {"space":null} without replicache.poke_names.
void poke(const std::string& space, std::int64_t version);

// To be called by the callbacks for the ends of transactions. A prepared transaction cannot notify (AtPrepare_Notify), so its
// pokes are for the worker. It sends them when the transaction has been committed, by whomever.
void pokes_before_commit();
void pokes_before_prepare();
void pokes_after_commit() noexcept;
void pokes_after_prepare() noexcept;
// Leaves the notes, when a transaction that has committed has told others what it has changed in the catalogs, and released its locks. Then
// a client that is poked sees all of it.
void pokes_after_locks() noexcept;
void pokes_after_abort() noexcept;
// Takes back the pokes of a subtransaction and of those inside it.
void undo_pokes(SubTransactionId from) noexcept;

}  // namespace replicache::engine
