#include "engine/table/row_space.h"

namespace replicache::engine {

using pg::guarded;

RowSpace::RowSpace(Relation relation, const SpaceName& name, const std::function<Key::Column(const std::string&)>& find) {
    for (const std::string& column : name.columns()) {
        const Key::Column found = find(column);
        text_ = pg::ScalarText::of(found.type);
        if (!text_)
            throw pg::SqlError(ERRCODE_DATATYPE_MISMATCH,
                               "column \"" + column + "\" of tracked table \"" + RelationGetRelationName(relation) +
                                   "\" is of a type without a fixed text",
                               {}, "Call replicache.track_table again after changing a column that it was given.");
        const bool generated = TupleDescAttr(relation->rd_att, found.number - 1)->attgenerated != '\0';
        columns_.push_back({column, found.number, generated ? std::optional<GeneratedColumn>(found.number) : std::nullopt});
    }
    if (name.is_template()) template_.emplace(name.as_template(), find);
}

// `get` gives the datum of a column.
template <class Get>
RowSpace::Text RowSpace::text(Get get) const {
    if (columns_.empty()) return {};
    if (!template_) {
        const pg::Value value = get(columns_.front());
        if (value.null) return {{}, &columns_.front().name};
        return {guarded([&] { return (*text_)(value.datum); }), nullptr};
    }
    std::vector<Datum> datums;
    for (const Column& column : columns_) {
        const pg::Value value = get(column);
        if (value.null) return {{}, &column.name};
        datums.push_back(value.datum);
    }
    return {guarded([&, next = datums.data()]() mutable {
                StringInfoData buffer;
                initStringInfo(&buffer);
                template_->append(&buffer, [&next](AttrNumber, bool* null) {
                    *null = false;
                    return *next++;
                });
                return std::string_view(buffer.data, buffer.len);
            }),
            nullptr};
}

RowSpace::Text RowSpace::of(HeapTuple row, TupleDesc descriptor) const {
    return text([&](const Column& column) {
        return guarded([&] {
            pg::Value value;
            value.datum = heap_getattr(row, column.number, descriptor, &value.null);
            return value;
        });
    });
}

RowSpace::Text RowSpace::of_new(Relation relation, HeapTuple row) const {
    return text([&](const Column& column) {
        if (column.generated) return column.generated->compute(relation, row);
        return guarded([&] {
            pg::Value value;
            value.datum = heap_getattr(row, column.number, relation->rd_att, &value.null);
            return value;
        });
    });
}

}  // namespace replicache::engine
