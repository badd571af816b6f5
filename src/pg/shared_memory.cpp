#include "pg/shared_memory.h"

extern "C" {
#include "storage/lwlock.h"
#include "storage/shmem.h"
}

#if PG_VERSION_NUM >= 170000
extern "C" {
#include "storage/dsm_registry.h"  // 17 has memory by name beyond that of the server's start
}
#endif

namespace replicache::pg {

#if PG_VERSION_NUM >= 170000

namespace {
void (*initializer)(void* memory, int tranche);
const char* memory_name;

// 19 keeps the names of tranches in shared memory, and hands an argument through.
#if PG_VERSION_NUM >= 190000
extern "C" void on_new_memory(void* memory, void*) { initializer(memory, LWLockNewTrancheId(memory_name)); }
#else
extern "C" void on_new_memory(void* memory) { initializer(memory, LWLockNewTrancheId()); }
#endif
}  // namespace

void* shared_memory(const char* name, std::size_t size, void (*initialize)(void* memory, int tranche)) {
    initializer = initialize;
    memory_name = name;
    bool found;
#if PG_VERSION_NUM >= 190000
    return GetNamedDSMSegment(name, size, on_new_memory, &found, nullptr);
#else
    return GetNamedDSMSegment(name, size, on_new_memory, &found);
#endif
}

#else

// The server reserves more at its start than it needs itself. We take from that.
void* shared_memory(const char* name, std::size_t size, void (*initialize)(void* memory, int tranche)) {
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    bool found;
    void* const memory = ShmemInitStruct(name, size, &found);
    if (!found) initialize(memory, LWLockNewTrancheId());
    LWLockRelease(AddinShmemInitLock);
    return memory;
}

#endif

void name_tranche(int tranche, const char* name) {
#if PG_VERSION_NUM >= 190000
    (void)tranche;
    (void)name;
#else
    LWLockRegisterTranche(tranche, name);
#endif
}

}  // namespace replicache::pg
