#include "engine/table/generated_column.h"

#include "pg/compat.h"
#include "pg/invalidation.h"

extern "C" {
#include "access/sysattr.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
}

namespace replicache::engine {
namespace {

using pg::guarded;

// Planning may have put the body of a function, or its result, into the prepared expression. So any change of a function counts.
std::uint64_t function_changes = 0;
const pg::CatalogListener function_listener(PROCOID, []() noexcept { ++function_changes; });

// Raises PostgreSQL errors.
Node* expression_of(Relation relation, AttrNumber column) {
    Node* const expression = build_column_default(relation, column);
    if (expression == nullptr) elog(ERROR, "column %d of \"%s\" has no expression", column, RelationGetRelationName(relation));
    return expression;
}

}  // namespace

// PostgreSQL prepares the expression once per statement, and checks at that time that the role may call its functions. Ours is used again
// within one (sub)transaction and role.
struct GeneratedColumn::Prepared {
    Prepared()
        : context(guarded([] { return AllocSetContextCreate(TopMemoryContext, "replicache generated column", ALLOCSET_SMALL_SIZES); })) {}
    ~Prepared() { MemoryContextDelete(context); }
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
    bool is_current() const {
        return transaction == pg::local_transaction() && subtransaction == GetCurrentSubTransactionId() && role == GetUserId() &&
               changes == function_changes;
    }

    MemoryContext context;
    LocalTransactionId transaction = pg::local_transaction();
    SubTransactionId subtransaction = GetCurrentSubTransactionId();
    Oid role = GetUserId();
    std::uint64_t changes = function_changes;
    ExprState* state = nullptr;
    bool busy = false;  // a function in the expression may write the table, and then needs a state of its own
};

std::shared_ptr<GeneratedColumn::Prepared> GeneratedColumn::prepare(Relation relation) const {
    if (prepared_ && prepared_->is_current() && !prepared_->busy) return prepared_;
    auto fresh = std::make_shared<Prepared>();
    fresh->state = guarded([&, context = fresh->context] {
        const MemoryContext outer = MemoryContextSwitchTo(context);
        ExprState* const state = ExecInitExpr(expression_planner(reinterpret_cast<Expr*>(expression_of(relation, column_))), nullptr);
        MemoryContextSwitchTo(outer);
        return state;
    });
    prepared_ = fresh;
    return fresh;
}

pg::Value GeneratedColumn::compute(Relation relation, HeapTuple row) const {
    struct Busy {
        explicit Busy(Prepared& prepared) : prepared(prepared) { prepared.busy = true; }
        ~Busy() { prepared.busy = false; }
        Prepared& prepared;
    };
    const std::shared_ptr<Prepared> prepared = prepare(relation);
    const Busy busy(*prepared);
    return guarded([&, state = prepared->state] {
        ExprContext* const context = CreateStandaloneExprContext();
        TupleTableSlot* const slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
        ExecStoreHeapTuple(row, slot, false);
        slot->tts_tableOid = RelationGetRelid(relation);
        context->ecxt_scantuple = slot;
        pg::Value value;
        value.datum = ExecEvalExprSwitchContext(state, context, &value.null);
        const FormData_pg_attribute& attribute = *TupleDescAttr(RelationGetDescr(relation), column_ - 1);
        if (!value.null) value.datum = datumCopy(value.datum, attribute.attbyval, attribute.attlen);
        ExecDropSingleTupleTableSlot(slot);
        FreeExprContext(context, true);
        return value;
    });
}

bool is_generated_from(Relation relation, AttrNumber generated, AttrNumber other) {
    return guarded([&] {
        Bitmapset* columns = nullptr;
        pull_varattnos(expression_of(relation, generated), 1, &columns);
        return bms_is_member(other - FirstLowInvalidHeapAttributeNumber, columns);
    });
}

}  // namespace replicache::engine
