/*
 * The floor of a push: what remains when nothing is checked, tracked or kept. The request is jsonb already; every
 * mutation's args go to the same mutator, by its address, all in one subtransaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_MODULE_MAGIC;

static JsonbValue *member(JsonbContainer *object, const char *name, JsonbValue *into)
{
	return getKeyJsonValueFromContainer(object, name, strlen(name), into);
}

PG_FUNCTION_INFO_V1(bare_loop);
Datum bare_loop(PG_FUNCTION_ARGS)
{
	Jsonb *push = PG_GETARG_JSONB_P(0);
	MemoryContext outer = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext scratch = AllocSetContextCreate(outer, "bare loop", ALLOCSET_DEFAULT_SIZES);
	JsonbValue mutations, args;
	FmgrInfo mutator;
	int n;

	fmgr_info(PG_GETARG_OID(1), &mutator);
	member(&push->root, "mutations", &mutations);
	n = JsonContainerSize(mutations.val.binary.data);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(scratch);
	for (int i = 0; i < n; i++)
	{
		JsonbValue *mutation = getIthJsonbValueFromContainer(mutations.val.binary.data, i);

		member(mutation->val.binary.data, "args", &args);
		FunctionCall1(&mutator, JsonbPGetDatum(JsonbValueToJsonb(&args)));
		CommandCounterIncrement();
		MemoryContextReset(scratch);
	}
	ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(outer);
	CurrentResourceOwner = owner;
	PG_RETURN_INT32(n);
}
