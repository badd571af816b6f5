// The changes of one table that wait, in groups of one form each. A statement writes a group.
//
// All of them change different rows: if one row changes twice, the outcome takes two statements. Several groups are written in another
// order than that in which their changes came. RowWriter says when they may.
#pragma once

#include "engine/rows/pending_rows.h"
#include "engine/rows/row_statements.h"

namespace replicache::engine {

class PendingGroups {
public:
    struct Group {
        RowStatements* statements;  // of its form
        PendingRows rows;
    };
    static constexpr std::size_t max_groups = 8;

    // The shape must live longer.
    explicit PendingGroups(const TableShape& shape) : shape_(shape) {}

    std::size_t count() const { return count_; }  // of changes
    std::span<Group> groups() { return {groups_.data(), used_}; }
    // Null: no change of this form waits.
    Group* find(const ChangeForm& form);

    // Whether changes of this form say which row they are of, so that others of that row are found.
    bool is_keyed(const ChangeForm& form) const;
    bool has_row_of(const ParsedChange& change) const { return is_keyed(change.form) && keys_.contains(key_of(change)); }
    bool has_room_for(const ParsedChange& change) const;

    // Of a form of which none waits.
    Group& add_group(RowStatements& statements);
    // To the group of its form.
    void add(const ParsedChange& change, Group& group);
    void clear();

private:
    std::uint64_t key_of(const ParsedChange& change) const;

    const TableShape& shape_;
    std::vector<Group> groups_{};  // the first `used_` of them wait, and are written in this order
    std::size_t used_ = 0;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::unordered_set<std::uint64_t> keys_{};
};

}  // namespace replicache::engine
