// TableView: from the rows that its queries give to the text of the answer, and to the marks of a client's view.
#include "base/sqlstate.h"
#include "engine/replicache/pull_answer.h"
#include "engine/tracking/table_view.h"
#include "engine/tracking/tracking_faults.h"
#include "pg/array.h"

extern "C" {
#include "executor/tuptable.h"
#include "tcop/dest.h"
}

namespace replicache::engine {

using pg::guarded;
using pg::SqlError;

// The rows of a private table in one pull. A query for keys comes first. Another query gets the values of the rows that the client needs.
class TableView::PrivateRows {
public:
    PrivateRows(ClientView& view, const Versions& versions, const std::vector<Oid>& key_types, bool all_late)
        : view_(view),
          versions_(versions),
          key_types_(key_types),
          all_late_(all_late),
          late_keys_(key_types_.size()),
          context_(CurrentMemoryContext) {}

    enum class Pass {
        mark,  // rows come as keys and versions
        send,  // rows come with values, and those that the client needs are taken
        all,   // both at once: all rows are taken
    };
    Pass pass = Pass::mark;

    std::size_t visible() const { return visible_; }
    std::size_t changed() const { return changed_; }  // rows that the client needs and that a query by version finds
    std::size_t late() const { return late_; }        // others that it needs: they have become visible
    // The values of the key's columns of the late rows, an array for each column.
    std::vector<Datum> late_keys() const {
        std::vector<Datum> arrays;
        for (ArrayBuildState* const array : late_keys_)
            arrays.push_back(guarded([array] { return makeArrayResult(array, CurrentMemoryContext); }));
        return arrays;
    }

    // Whether the row is taken into the answer. Called by the executor, so PostgreSQL's errors go through it.
    bool take(std::string_view key, TupleTableSlot* slot) {
        KeyTable::Entry* const entry = find(key);
        if (pass == Pass::send) {
            if (entry == nullptr || (entry->marks & (ClientView::wanted | ClientView::sent)) != ClientView::wanted) return false;
            entry->marks |= ClientView::sent;
            return true;
        }
        if (entry == nullptr)
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"), errdetail("The client view is too large.")));
        ++visible_;
        entry->marks |= ClientView::visible;
        if (pass == Pass::all) return true;
        const int version = static_cast<int>(key_types_.size());
        const bool has_changed = !slot->tts_isnull[version] && versions_.contain(DatumGetInt64(slot->tts_values[version]));
        const bool is_held = (entry->marks & ClientView::held) != 0;
        if (!has_changed && is_held) return false;
        entry->marks |= ClientView::wanted;
        if (has_changed && (is_held || !all_late_)) {
            ++changed_;
            return false;
        }
        ++late_;
        for (std::size_t i = 0; i < key_types_.size(); ++i)
            late_keys_[i] = accumArrayResult(late_keys_[i], slot->tts_values[i], false, key_types_[i], context_);
        return false;
    }

private:
    // Null: there is no such key, or no memory for it. No exception may leave it, because the executor called.
    KeyTable::Entry* find(std::string_view key) noexcept {
        try {
            return pass == Pass::send ? view_.keys().find(key) : &view_.keys().visit(key);
        } catch (const std::bad_alloc&) {
            return nullptr;
        } catch (const std::length_error&) {
            return nullptr;
        }
    }

    ClientView& view_;
    const Versions& versions_;
    const std::vector<Oid>& key_types_;
    const bool all_late_;  // no row that the client lacks is urgent
    std::vector<ArrayBuildState*> late_keys_;
    MemoryContext context_;
    std::size_t visible_ = 0, changed_ = 0, late_ = 0;
};

// Takes the rows from the executor as they come, and writes them into the result: no copy in between.
struct TableView::Output {
    DestReceiver receiver;  // first, so that a pointer to it is one to us
    TableView* view;
    StringInfo out;
    Query query;
    PrivateRows* rows;     // null: every row is taken
    Page* page;            // null: it has no end
    pg::JsonWriter value;  // of a value expression
    MemoryContext row;     // reset for each row
    StringInfoData key;

    bool values() const { return query == Query::everything || query == Query::changed; }
};

// In here and in receive nothing may have a destructor: errors go straight through to the guard around the executor.
//
// PostgreSQL has planned the query for the table as it is now. That is not as we know it when the pull itself has altered it.
void TableView::start(DestReceiver* self, int, TupleDesc descriptor) {
    Output& output = *reinterpret_cast<Output*>(self);
    const TableView& view = *output.view;
    const int own = view.table_.value.empty() ? view.value_columns() : 0;       // columns of the default value
    const int first = output.values() ? 0 : own;                                // of types_
    const int skipped = output.values() && !view.table_.value.empty() ? 1 : 0;  // the value
    const int versions = output.query == Query::keys ? 1 : 0;
    const int types = static_cast<int>(view.types_.size()) - first;
    bool same = descriptor->natts == skipped + types + versions;
    for (int i = 0; i < types && same; ++i) same = TupleDescAttr(descriptor, skipped + i)->atttypid == view.types_[first + i];
    if (versions > 0) same = same && TupleDescAttr(descriptor, types)->atttypid == INT8OID;
    if (!same) raise_changed(view.table_.relation);
    if (skipped == 0) return;
    const Oid type = TupleDescAttr(descriptor, 0)->atttypid;
    if (type != JSONOID && type != JSONBOID)
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the value is of type %s, not json or jsonb", format_type_be(type))));
    output.value.prepare(type, CurrentMemoryContext);
}

bool TableView::receive(TupleTableSlot* slot, DestReceiver* self) {
    Output& output = *reinterpret_cast<Output*>(self);
    TableView& view = *output.view;
    slot_getallattrs(slot);
    const MemoryContext outer = MemoryContextSwitchTo(output.row);

    const int shift = output.values() ? 0 : view.value_columns();
    resetStringInfo(&output.key);
    view.key_->append(&output.key, [slot, shift](AttrNumber column, bool* null) {
        *null = slot->tts_isnull[column - 1 - shift];
        return slot->tts_values[column - 1 - shift];
    });
    const std::string_view key(output.key.data, static_cast<std::size_t>(output.key.len));
    bool more = true;
    if (output.rows == nullptr || output.rows->take(key, slot)) {
        view.append_entry(output, key, slot);
        if (output.page != nullptr) {
            output.page->note();
            more = !output.page->is_full();
            if (!more) output.page->stop();
        }
    }
    MemoryContextSwitchTo(outer);
    MemoryContextReset(output.row);
    return more;
}

void TableView::append_entry(Output& output, std::string_view key, TupleTableSlot* slot) {
    StringInfo const out = output.out;
    const auto append = [out](std::string_view text) { appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size())); };
    append(output.values() ? patch_text::put : patch_text::del);
    pg::append_json_string(out, key);
    if (output.values()) {
        append(patch_text::value);
        if (!table_.value.empty()) {
            output.value.append(out, slot->tts_values[0], slot->tts_isnull[0]);
        } else {
            const int columns = value_columns();
            char separator = '{';
            for (int i = 0; i < columns; ++i) {
                appendStringInfoCharMacro(out, separator);
                pg::append_json_string(out, columns_[i]);
                appendStringInfoCharMacro(out, ':');
                writers_[i].append(out, slot->tts_values[i], slot->tts_isnull[i]);
                separator = ',';
            }
            if (columns == 0) appendStringInfoCharMacro(out, '{');
            appendStringInfoCharMacro(out, '}');
        }
    }
    append(patch_text::end);
}

void TableView::append_patch(StringInfo out, Query query, const Versions& versions, std::string_view space) {
    const auto values = space_values(space);
    if (!values) return;
    if (query == Query::everything) {
        run({out, query, Where::all, versions, *values});
        return;
    }
    run({out, query, Where::range, versions, *values});
    if (!versions.also.empty()) run({out, query, Where::listed, versions, *values});
}

bool TableView::append_page(StringInfo out, Page& page, std::string& after, std::string_view space) {
    const auto values = space_values(space);
    if (!values) return true;
    if (!compares_keys_) {
        run({.out = out, .query = Query::everything, .where = Where::all, .versions = Versions::every(), .space = *values, .more = {}});
        page.note();
        after.clear();
        return true;
    }
    const auto names = key_values(after);
    const std::string last = run({.out = out,
                                  .query = Query::everything,
                                  .where = names ? Where::after : Where::first,
                                  .versions = Versions::every(),
                                  .space = *values,
                                  .page = &page,
                                  .more = names.value_or(std::vector<Datum>())});
    after = page.has_more() ? last : "";
    return !page.has_more();
}

// Nullopt: no row has this key. Then the client has got none.
std::optional<std::vector<Datum>> TableView::key_values(const std::string& key) const {
    const auto texts = key_template_.match(key);
    if (!texts) return std::nullopt;
    std::vector<Datum> values;
    for (std::size_t i = 0; i < texts->size(); ++i) {
        Datum value = 0;
        auto error = pg::error_of([&, text = (*texts)[i].c_str()] {
            Oid input, element;
            getTypeInputInfo(key_types_[i], &input, &element);
            value = OidInputFunctionCall(input, const_cast<char*>(text), element, -1);
        });
        if (error && !sqlstate::is_no_value(error->sqlerrcode())) throw std::move(*error);  // a cancel, say
        if (error) return std::nullopt;
        values.push_back(value);
    }
    return values;
}

void TableView::append_private(StringInfo out, ClientView& view, const Wanted& wanted) {
    const auto values = space_values(wanted.space);
    if (!values) return;
    PrivateRows rows(view, wanted.versions, key_types_, wanted.page != nullptr && wanted.page->is_first());
    const auto run = [&](Query query, Where where, Page* page = nullptr, std::vector<Datum> more = {}) {
        this->run({out, query, where, wanted.versions, *values, page, &rows, std::move(more)});
    };
    if (wanted.all) {
        rows.pass = PrivateRows::Pass::all;
        return run(Query::everything, Where::all);
    }
    run(Query::keys, Where::all);
    rows.pass = PrivateRows::Pass::send;
    // One look at all rows is cheaper than many looks at one.
    constexpr std::size_t few = 10;
    if (wanted.page == nullptr && rows.late() > rows.visible() / few) return run(Query::everything, Where::all);
    if (rows.changed() > 0) run(Query::changed, Where::range);
    if (rows.changed() > 0 && !wanted.versions.also.empty()) run(Query::changed, Where::listed);
    if (rows.late() == 0) return;
    if (wanted.page != nullptr && wanted.page->is_full()) return wanted.page->stop();
    if (!compares_keys_) return run(Query::everything, Where::all, wanted.page);
    run(Query::everything, Where::named, wanted.page, rows.late_keys());
}

std::string TableView::run(const Run& run) {
    if (!is_current() && storage_.is_newer_than(GetActiveSnapshot())) guarded([this] { raise_changed(table_.relation); });
    SPIPlanPtr plan = nullptr;
    try {
        plan = this->plan(run.query, run.where).get();
    } catch (pg::PgError& error) {
        explain(error, watched_, Fault::table);
        throw;
    }
    const std::vector<Oid> types = parameter_types(run.where);
    std::vector<Datum> values{run.where == Where::listed ? pg::int8_array(run.versions.also) : Int64GetDatum(run.versions.since),
                              Int64GetDatum(run.versions.until)};
    values.insert(values.end(), run.space.begin(), run.space.end());
    values.insert(values.end(), run.more.begin(), run.more.end());
    int code = 0;
    Output output{};
    RowWatch(watched_, plan).run([&] {
        output.receiver.receiveSlot = receive;
        output.receiver.rStartup = start;
        output.receiver.rShutdown = [](DestReceiver*) {};
        output.receiver.rDestroy = [](DestReceiver*) {};
        output.receiver.mydest = DestNone;
        output.view = this;
        output.out = run.out;
        output.query = run.query;
        output.rows = run.rows;
        output.page = run.page;
        output.row = AllocSetContextCreate(CurrentMemoryContext, "replicache row", ALLOCSET_DEFAULT_SIZES);
        initStringInfo(&output.key);

        ParamListInfo const parameters = makeParamList(static_cast<int>(values.size()));
        for (std::size_t i = 0; i < values.size(); ++i) parameters->params[i] = {values[i], false, PARAM_FLAG_CONST, types[i]};
        SPIExecuteOptions options{};
        options.params = parameters;
        options.read_only = true;
        options.dest = &output.receiver;
        code = SPI_execute_plan_extended(plan, &options);
        MemoryContextDelete(output.row);
    });
    if (code < 0) throw SqlError(ERRCODE_INTERNAL_ERROR, std::string("SPI_execute_plan failed: ") + SPI_result_code_string(code));
    return {output.key.data, static_cast<std::size_t>(output.key.len)};
}

}  // namespace replicache::engine
