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

// Whether a cache is as the catalogs are. A listener ends that; the next look at the cache reads it again.
class Validity {
public:
    explicit operator bool() const noexcept { return valid_; }
    void end() noexcept { valid_ = false; }

    // Call before reading. An invalidation that arrives while the cache is read must not be lost, so the cache is valid from here on.
    void begin() noexcept { valid_ = true; }

    // The same, and reads the cache by `read`. If that throws, the cache is not valid.
    template <class Read>
    void begin(Read&& read) {
        begin();
        try {
            read();
        } catch (...) {
            end();
            throw;
        }
    }

private:
    bool valid_ = false;
};

// Whether the relation that has changed is one of these, or may be: InvalidOid stands for each. `relations` is sorted.
inline bool is_among(Oid changed, const std::vector<Oid>& relations) noexcept {
    return changed == InvalidOid || std::binary_search(relations.begin(), relations.end(), changed);
}

}  // namespace replicache::pg
