// The form of a change of a row: its kind, and the columns it has values for. Changes of the same form are written by the same statements.
#pragma once

#include "model/row_change.h"
#include "prelude.h"

namespace replicache::engine {

class ChangeForm {
public:
    enum class Rows { of_anyone, of_one_user };
    ChangeForm(RowChange::Kind kind, Rows rows, std::size_t columns) : kind_(kind), rows_(rows), columns_(columns, '\0') {}

    RowChange::Kind kind() const { return kind_; }
    bool is_owned() const { return rows_ == Rows::of_one_user; }

    // By index of the column. The old value is what the client had before.
    bool has_value(std::size_t column) const { return (columns_[column] & value_flag) != 0; }
    bool has_old(std::size_t column) const { return (columns_[column] & old_flag) != 0; }
    void add_value(std::size_t column) { columns_[column] |= value_flag; }
    void add_old(std::size_t column) { columns_[column] |= old_flag; }

    bool operator==(const ChangeForm&) const = default;
    struct Hash {
        std::size_t operator()(const ChangeForm& form) const {
            return std::hash<std::string>()(form.columns_) ^ (static_cast<std::size_t>(form.kind_) << 1) ^
                   static_cast<std::size_t>(form.rows_);
        }
    };

private:
    static constexpr char value_flag = 1;
    static constexpr char old_flag = 2;

    RowChange::Kind kind_;
    Rows rows_;
    std::string columns_;  // flags, one char per column
};

}  // namespace replicache::engine
