// Which space a row is in. The part that a row is in is told in the same way.
#pragma once

#include "engine/table/generated_column.h"
#include "engine/table/space_name.h"

namespace replicache::engine {

class RowSpace {
public:
    // `find` returns the position of a column, and throws when the column does not exist. Throws 42804 for a column whose text depends on
    // settings.
    RowSpace(Relation relation, const SpaceName& name, const std::function<Key::Column(const std::string&)>& find);

    struct Text {
        std::string_view space;             // in the current memory context
        const std::string* null = nullptr;  // the column that is null: the row is in no space
        bool operator==(const Text&) const = default;
    };
    // The space of a row in the table.
    Text of(HeapTuple row, TupleDesc descriptor) const;
    // The space of a row that is about to be written. Generated columns are computed.
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
    std::optional<pg::ScalarText> text_;  // without a template: of the only column
    std::optional<Key> template_;
};

}  // namespace replicache::engine
