// Which space a row is in.
#pragma once

#include "engine/table/generated_column.h"
#include "engine/table/space_name.h"

namespace replicache::engine {

class RowSpace {
public:
    // `find` tells where a column is, and throws when it is not there. Throws 42804 for one that has no text which is always the same.
    RowSpace(Relation relation, const SpaceName& name, const std::function<Key::Column(const std::string&)>& find);

    struct Text {
        std::string_view space;             // in the current memory context
        const std::string* null = nullptr;  // the column that is null; then the row is in no space
    };
    // Of a row of the table.
    Text of(HeapTuple row, TupleDesc descriptor) const;
    // Of a row that is about to be written: generated columns are computed.
    Text of_new(Relation relation, HeapTuple row) const;

private:
    struct Column {
        std::string name;
        AttrNumber number;
        std::optional<GeneratedColumn> generated;
    };
    template <class Get>
    Text text(Get get) const;

    std::vector<Column> columns_;
    std::optional<pg::ScalarText> text_;  // of the one column
    std::optional<Key> template_;
};

}  // namespace replicache::engine
