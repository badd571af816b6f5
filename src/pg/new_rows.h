// New rows of one of the extension's own tables, written without SQL.
//
// A superuser may have given such a table triggers, and they need a statement. So this is only for a table that is plain. Its rows are the
// same as those of an INSERT. The first column is the primary key, an identity.
#pragma once

#include "pg/datum.h"

extern "C" {
#include "nodes/execnodes.h"
}

namespace replicache::pg {

class NewRows {
public:
    // `types`: of the columns, as the extension has created them.
    NewRows(const char* table, std::span<const Oid> types);
    ~NewRows();
    NewRows(const NewRows&) = delete;
    NewRows& operator=(const NewRows&) = delete;

    // False: the rows need an INSERT. The table has triggers, or a superuser has given it rules, checks, expressions or other columns.
    bool is_plain() const { return is_plain_; }

    // The columns behind the identity, in order. It is used guarded.
    class Columns {
    public:
        Columns(Datum* values, bool* nulls) : values_(values), nulls_(nulls) {}
        void datum(Datum value) {
            *values_++ = value;
            *nulls_++ = false;
        }
        void null() {
            *values_++ = 0;
            *nulls_++ = true;
        }
        void text(std::string_view text) { datum(unguarded_text_datum(text)); }
        void text(const std::string& value) { text(std::string_view(value)); }
        void text(const std::optional<std::string>& value) { value ? text(std::string_view(*value)) : null(); }

    private:
        Datum* values_;
        bool* nulls_;
    };

    // Only if the table is plain. `fill` adds the values of one row. It runs guarded, so it must hold nothing that has a destructor. What
    // it allocates is freed with the row.
    template <class Fill>
    void add(Fill&& fill) {
        failed_ = true;
        guarded([&] {
            const MemoryContext outer = begin();
            fill(Columns(row_->tts_values + 1, row_->tts_isnull + 1));
            end(outer);
        });
        failed_ = false;
    }
    // Lets what comes later in the transaction see the rows.
    void finish();

private:
    MemoryContext begin();
    void end(MemoryContext outer);

    Relation relation_ = nullptr;
    EState* executor_ = nullptr;
    ResultRelInfo* target_ = nullptr;
    TupleTableSlot* row_ = nullptr;
    Oid sequence_ = InvalidOid;
    bool is_plain_ = false;
    bool failed_ = false;
};

}  // namespace replicache::pg
