// Rows of one of the extension's own tables whose text in one column is one of many, under the active snapshot.
//
// A few texts are looked up in an index, one after the other. When they are many against the size of the table, reading the whole table
// once costs less.
#pragma once

#include "pg/border.h"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
}

namespace replicache::pg {

class ManyRows {
public:
    // The number of a text among the wanted ones; -1: it is not wanted. It is called where nothing may be thrown.
    using Find = std::function<std::ptrdiff_t(std::string_view)>;

    // `index`: one whose first column is the column. The arguments must outlive the object.
    ManyRows(const char* table, const char* index, int column, std::span<const std::string_view> wanted, const Find& find);
    ~ManyRows();
    ManyRows(const ManyRows&) = delete;
    ManyRows& operator=(const ManyRows&) = delete;

    // Goes to the next row. False: there is none.
    bool next();
    // Which of the wanted texts the row has.
    std::size_t number() const { return number_; }
    // Columns of the row. A text lives as long as the row is the current one.
    std::string_view text(int column);
    std::int64_t int8(int column);
    bool is_null(int column);

private:
    Datum value(int column, bool is_text);
    bool use_index(Relation index) const;
    bool next_by_index();
    bool next_of_all();

    const int column_;
    const std::span<const std::string_view> wanted_;
    const Find& find_;
    MemoryContext scratch_;  // for texts that are compressed, and keys
    Relation relation_;
    Relation index_ = nullptr;  // null: all rows are read
    TupleTableSlot* row_;
    TableScanDesc all_ = nullptr;
    IndexScanDesc some_ = nullptr;
    std::size_t begun_ = 0;  // how many of the texts have been looked for
    std::size_t number_ = 0;
    std::uint32_t checked_ = 0;  // a bit for each column that is known to have its type
};

}  // namespace replicache::pg
