// Conflict policies: what becomes of a change that was made without knowledge of the row as it is.
//
// A policy adds conditions to the statement that writes the row. So it judges the latest version of the row, even if other transactions
// write at the same time.
#pragma once

#include "engine/rows/change_form.h"
#include "engine/rows/row_column.h"
#include "engine/table/exposed_table.h"

namespace replicache::engine {

class ConflictPolicy {
public:
    // The way in which a statement touches an existing row.
    enum class Access { update, removal };
    // A column in such a statement. `value` and `old` are SQL. They are empty where the change has none, or where the policy needs none.
    struct Use {
        const RowColumn& column;
        std::string value;
        std::string old;
    };

    virtual std::string_view name() const = 0;

    // For set-up: whether the table needs a conflict column, which the policy looks at.
    enum class NeedsColumn { no, maybe, yes };
    virtual NeedsColumn needs_column() const { return NeedsColumn::no; }
    // Throws if the column cannot have this type. `column`: which one, for the message.
    virtual void check_column(const std::string& column, Oid type) const;

    // False: a change always wins.
    virtual bool judges() const { return true; }

    // Whether the statement compares with the old value of the column, which the change has. `has_value`: it has a new one, too.
    virtual bool needs_old(const RowColumn& column, bool has_value, Access access) const;
    // Whether a change of this form says what it takes to judge it.
    virtual bool has_evidence(const std::vector<RowColumn>& columns, const ChangeForm& form, Access access) const;
    // The error when it does not.
    virtual pg::SqlError lack_of_evidence(const ExposedTable& table) const;
    // SQL: the condition under which the change wins. Empty: it always wins.
    virtual std::string condition(const Use& use, Access access) const;
    // The SET clause of an UPDATE for the column. Empty: it stays as it is.
    virtual std::string assignment(const Use& use) const;

protected:
    ~ConflictPolicy() = default;
};

// Null: there is no policy of this name.
const ConflictPolicy* conflict_policy(std::string_view name);

// The names of all, for messages: "a, b and c".
std::string conflict_policies();

}  // namespace replicache::engine
