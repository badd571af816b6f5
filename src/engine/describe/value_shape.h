// What the values of entries are made of.
#pragma once

#include "engine/table/tracked_table.h"

namespace replicache::engine {

struct ValueShape {
    struct Member;

    ValueShape();  // unknown
    static ValueShape scalar(Oid type, bool nullable);
    static ValueShape object();

    Oid type = InvalidOid;  // written as to_json writes it. InvalidOid, and no object: unknown
    bool nullable = true;
    bool is_object = false;  // with these members, and no others
    std::vector<Member> members;

    void set(const std::string& name, ValueShape value);
};

struct ValueShape::Member {
    std::string name;
    ValueShape value;
};

// Of the values of a tracked table, as far as the text of its value expression tells. The expression is parsed, but neither analysed nor
// evaluated: that would run code of others, such as the checks of domains in a constant. A function is known by its name.
ValueShape shape_of_value(const TrackedTable& table);

}  // namespace replicache::engine
