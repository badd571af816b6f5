#include "pg/invalidation.h"

#include "pg/border.h"

namespace replicache::pg {
namespace {

// There before the listeners of other files, which put themselves in front.
constinit RelationListener* relation_listeners = nullptr;
constinit CatalogListener* catalog_listeners = nullptr;

extern "C" void at_relation_change(Datum, Oid relation) {
    for (const RelationListener* listener = relation_listeners; listener != nullptr; listener = listener->next) listener->changed(relation);
}

extern "C" void at_catalog_change(Datum, SyscacheId syscache, uint32) {
    for (const CatalogListener* listener = catalog_listeners; listener != nullptr; listener = listener->next)
        if (listener->syscache == syscache) listener->changed();
}

bool has_earlier_listener(const CatalogListener* until) {
    for (const CatalogListener* listener = catalog_listeners; listener != until; listener = listener->next)
        if (listener->syscache == until->syscache) return true;
    return false;
}

}  // namespace

RelationListener::RelationListener(Function function) noexcept : changed(function), next(relation_listeners) { relation_listeners = this; }

CatalogListener::CatalogListener(SyscacheId cache, Function function) noexcept
    : syscache(cache), changed(function), next(catalog_listeners) {
    catalog_listeners = this;
}

void listen_to_invalidation() {
    guarded([] {
        CacheRegisterRelcacheCallback(at_relation_change, 0);
        for (const CatalogListener* listener = catalog_listeners; listener != nullptr; listener = listener->next)
            if (!has_earlier_listener(listener)) CacheRegisterSyscacheCallback(listener->syscache, at_catalog_change, 0);
    });
}

}  // namespace replicache::pg
