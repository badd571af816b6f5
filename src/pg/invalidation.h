// Invalidation: what PostgreSQL says of changes to its catalogs, passed on to our caches.
//
// A backend has few places for such callbacks (PostgreSQL 15: ten for relations), and all extensions share them. So we take one
// for relations and one per catalog, however many caches there are.
//
// A cache has a listener as a static object, which says what to call. That runs in the midst of PostgreSQL's invalidation, inside
// any call that takes a lock: it must neither raise nor allocate.
#pragma once

#include "pg/compat.h"

namespace replicache::pg {

struct RelationListener {
    // Gets the relation that has changed. InvalidOid: each may have.
    using Function = void (*)(Oid) noexcept;
    explicit RelationListener(Function function) noexcept;
    const Function changed;
    RelationListener* const next;
};

struct CatalogListener {
    using Function = void (*)() noexcept;
    CatalogListener(SyscacheId syscache, Function function) noexcept;  // PROCOID, say
    const SyscacheId syscache;
    const Function changed;
    CatalogListener* const next;
};

// Call once per backend.
void listen_to_invalidation();

}  // namespace replicache::pg
