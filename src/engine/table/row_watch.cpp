#include "engine/table/row_watch.h"

#include "base/sqlstate.h"
#include "pg/compat.h"

extern "C" {
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "nodes/execnodes.h"
#include "utils/fmgrprotos.h"
#include "utils/plancache.h"
#include "utils/rls.h"
}

namespace replicache::engine {
namespace {

RowWatch* watch = nullptr;  // the innermost
ExecutorStart_hook_type next_start;
ExecutorEnd_hook_type next_end;

// The slot that holds the current row. Null: the plan does not show which row it is.
const TupleTableSlot* slot_of(const PlanState* state) {
    while (state != nullptr) {
        switch (nodeTag(state)) {
            case T_SeqScanState:
            case T_IndexScanState:
            case T_BitmapHeapScanState: return reinterpret_cast<const ScanState*>(state)->ss_ScanTupleSlot;
            case T_SubqueryScanState: state = reinterpret_cast<const SubqueryScanState*>(state)->subplan; break;
            case T_AppendState: {
                const auto* append = reinterpret_cast<const AppendState*>(state);
                if (append->as_whichplan < 0 || append->as_whichplan >= append->as_nplans) return nullptr;
                state = append->appendplans[append->as_whichplan];
                break;
            }
            case T_ResultState:
            case T_SortState:  // which reads all rows before it gives one
                state = outerPlanState(state);
                break;
            default: return nullptr;
        }
    }
    return nullptr;
}

// Appends the value if its text can be made without looking anything up. False: the type is another one, or the text is too long.
bool append_text(StringInfo out, Oid type, Datum value) {
    constexpr int most = 200;
    switch (type) {
        case INT2OID: appendStringInfo(out, "%d", DatumGetInt16(value)); return true;
        case INT4OID: appendStringInfo(out, "%d", DatumGetInt32(value)); return true;
        case INT8OID: appendStringInfo(out, INT64_FORMAT, DatumGetInt64(value)); return true;
        case UUIDOID: appendStringInfoString(out, DatumGetCString(DirectFunctionCall1(uuid_out, value))); return true;
        case TEXTOID:
        case VARCHAROID: {
            const auto* text = reinterpret_cast<const varlena*>(DatumGetPointer(value));
            if (VARATT_IS_EXTERNAL(text) || VARATT_IS_COMPRESSED(text) || VARSIZE_ANY_EXHDR(text) > most) return false;
            appendBinaryStringInfo(out, VARDATA_ANY(text), static_cast<int>(VARSIZE_ANY_EXHDR(text)));
            return true;
        }
        default: return false;
    }
}

// Appends the columns of the key, as PostgreSQL writes them in its messages. The slot has their values already, because the query selects
// them.
bool append_key(StringInfo out, const TupleTableSlot* slot, const std::vector<std::string>& key) {
    const TupleDesc descriptor = slot->tts_tupleDescriptor;
    StringInfoData values;
    initStringInfo(&values);
    const char* separator = "(";
    for (const std::string& name : key) {
        int i = 0;
        while (i < slot->tts_nvalid &&
               (TupleDescAttr(descriptor, i)->attisdropped || name != NameStr(TupleDescAttr(descriptor, i)->attname)))
            ++i;
        if (i >= slot->tts_nvalid || slot->tts_isnull[i]) return false;
        appendStringInfo(out, "%s%s", separator, name.c_str());
        appendStringInfoString(&values, separator);
        if (!append_text(&values, TupleDescAttr(descriptor, i)->atttypid, slot->tts_values[i])) return false;
        separator = ", ";
    }
    appendStringInfo(out, ")=%s)", values.data);
    return true;
}

extern "C" void watch_start(QueryDesc* query, int flags) {
    next_start != nullptr ? next_start(query, flags) : standard_ExecutorStart(query, flags);
    if (watch != nullptr) watch->started(query);
}

extern "C" void watch_end(QueryDesc* query) {
    if (watch != nullptr) watch->ended(query);
    next_end != nullptr ? next_end(query) : standard_ExecutorEnd(query);
}

}  // namespace

void register_row_watch() {
    next_start = std::exchange(ExecutorStart_hook, watch_start);
    next_end = std::exchange(ExecutorEnd_hook, watch_end);
}

void explain(pg::PgError& error, const WatchedTable& table, Fault fault) {
    const bool row = fault == Fault::row;
    const bool definition = sqlstate::is_about_definition(error.sqlerrcode());
    if (!definition && !(row && sqlstate::is_about_rows(error.sqlerrcode()))) return;
    const char *const message = error.data().message, *const hint = error.data().hint;
    if (!row) error.set_message("tracked table " + table.name + " cannot be read: " + (message != nullptr ? message : ""));
    if (row && hint != nullptr) return;
    error.set_hint((hint != nullptr ? std::string(hint) + " " : "") +
                   (row ? "Correct the row, or call replicache.track_table with a value that can be computed for it."
                        : "Call replicache.track_table with options that fit the table, or replicache.untrack_table."));
}

RowWatch::RowWatch(const WatchedTable& table, SPIPlanPtr plan)
    : table_(table),
      outer_(std::exchange(watch, this)),
      text_(static_cast<CachedPlanSource*>(linitial(SPI_plan_get_plan_sources(plan)))->query_string) {}

RowWatch::~RowWatch() { watch = outer_; }

// With row-level security, an error in a policy could show the key of a row that the role must not see. So the key is not told then.
void RowWatch::started(QueryDesc* query) {
    if (query_ != nullptr || query->sourceText != text_) return;
    query_ = query;
    tells_key_ = check_enable_rls(table_.relation, InvalidOid, true) != RLS_ENABLED;
}

void RowWatch::ended(const QueryDesc* query) {
    if (query_ == query) query_ = nullptr;
}

void RowWatch::name_row(void* self) {
    RowWatch& row = *static_cast<RowWatch*>(self);
    const TupleTableSlot* const slot = row.query_ == nullptr ? nullptr : slot_of(row.query_->planstate);
    row.found_ = slot != nullptr && !TTS_EMPTY(slot) && ItemPointerIsValid(&slot->tts_tid);
    if (!row.found_) return;
    StringInfoData text;
    initStringInfo(&text);
    if (row.tells_key_ && append_key(&text, slot, row.table_.key)) {
        errcontext("row %s of tracked table %s", text.data, row.table_.name.c_str());
        return;
    }
    const unsigned block = ItemPointerGetBlockNumber(&slot->tts_tid), offset = ItemPointerGetOffsetNumber(&slot->tts_tid);
    if (slot->tts_tableOid == row.table_.relation)
        errcontext("row with the ctid (%u,%u) of tracked table %s", block, offset, row.table_.name.c_str());
    else
        errcontext("row with the ctid (%u,%u) of the partition with the OID %u of tracked table %s", block, offset, slot->tts_tableOid,
                   row.table_.name.c_str());
}

}  // namespace replicache::engine
