#include "engine/rows/conflict_policy.h"

namespace replicache::engine {
namespace {

using pg::SqlError;
using Access = ConflictPolicy::Access;
using Use = ConflictPolicy::Use;

std::string now(const RowColumn& column) { return "t." + column.name; }

// SQL: the column has this value, or both are null.
std::string is_still(const RowColumn& column, const std::string& value) {
    const std::string equal = !column.equals.empty()
                                  ? now(column) + " " + column.equals + " " + value
                                  : now(column) + "::pg_catalog.text OPERATOR(pg_catalog.=) " + value + "::pg_catalog.text";
    return "(" + equal + " OR (" + now(column) + " IS NULL AND " + value + " IS NULL))";
}

bool has_conflict_column(const std::vector<RowColumn>& columns, const ChangeForm& form) {
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (columns[i].is_conflict && form.has_value(i)) return true;
    return false;
}

// The change wins.
class LastWrite final : public ConflictPolicy {
    std::string_view name() const override { return "last_write"; }
    bool judges() const override { return false; }
};

// The change loses when the row is not as the client knew it. With a conflict column, only that column is compared, and the server counts
// it up.
class RejectStale final : public ConflictPolicy {
    std::string_view name() const override { return "reject_stale"; }
    NeedsColumn needs_column() const override { return NeedsColumn::maybe; }

    void check_column(const std::string& column, Oid type) const override {
        if (type != INT2OID && type != INT4OID && type != INT8OID)
            throw SqlError(ERRCODE_DATATYPE_MISMATCH, column + " is not of an integer type", {},
                           "Name an integer column that counts the changes of the row.");
    }

    bool needs_old(const RowColumn& column, bool /* has_value */, Access /* access */) const override { return column.is_judged; }

    bool has_evidence(const std::vector<RowColumn>& columns, const ChangeForm& form, Access /* access */) const override {
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (form.has_old(i) && columns[i].is_judged) return true;
        return has_conflict_column(columns, form);
    }

    std::string condition(const Use& use, Access /* access */) const override {
        if (!use.old.empty()) return is_still(use.column, use.old);
        // Some clients send the version that they know among the data.
        return use.column.is_conflict && !use.value.empty() ? is_still(use.column, use.value) : "";
    }

    std::string assignment(const Use& use) const override {
        if (!use.column.is_conflict) return ConflictPolicy::assignment(use);
        return use.column.name + " = COALESCE(" + now(use.column) + " OPERATOR(pg_catalog.+) 1, 1)";
    }
};

// The change loses if a column that it sets has neither the value that the client knew nor the new value.
class Merge final : public ConflictPolicy {
    std::string_view name() const override { return "merge"; }

    bool needs_old(const RowColumn& /* column */, bool has_value, Access access) const override {
        return has_value && access == Access::update;
    }

    std::string condition(const Use& use, Access /* access */) const override {
        return use.old.empty() ? "" : "(" + is_still(use.column, use.old) + " OR " + is_still(use.column, use.value) + ")";
    }
};

// The change loses when the row is newer by the conflict column.
class Newest final : public ConflictPolicy {
    std::string_view name() const override { return "newest"; }
    NeedsColumn needs_column() const override { return NeedsColumn::yes; }

    bool has_evidence(const std::vector<RowColumn>& columns, const ChangeForm& form, Access access) const override {
        return access == Access::removal || has_conflict_column(columns, form);
    }

    SqlError lack_of_evidence(const ExposedTable& table) const override {
        return SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "a change of \"" + table.name + "\" lacks \"" + table.conflict_column + "\"", {},
                        "Send that column with every change. It says which change is the newest.", pg::Defect::possible);
    }

    std::string condition(const Use& use, Access access) const override {
        if (!use.column.is_conflict || use.value.empty() || access == Access::removal) return {};
        return "(" + now(use.column) + " IS NULL OR NOT " + use.value + " " + use.column.less + " " + now(use.column) + ")";
    }
};

// Numbers change by as much as they did for the client.
class Delta final : public ConflictPolicy {
    std::string_view name() const override { return "delta"; }
    NeedsColumn needs_column() const override { return NeedsColumn::maybe; }

    void check_column(const std::string& column, Oid type) const override {
        if (!is_number(type)) throw SqlError(ERRCODE_DATATYPE_MISMATCH, column + " is not of a numeric type");
    }

    bool needs_old(const RowColumn& column, bool has_value, Access access) const override {
        return has_value && access == Access::update && column.is_number && column.is_judged;
    }

    std::string assignment(const Use& use) const override {
        if (use.value.empty() || use.old.empty()) return ConflictPolicy::assignment(use);
        return use.column.name + " = COALESCE(" + now(use.column) + " OPERATOR(pg_catalog.+) (" + use.value + " OPERATOR(pg_catalog.-) " +
               use.old + "), " + use.value + ")";
    }
};

const LastWrite last_write;
const RejectStale reject_stale;
const Merge merge;
const Newest newest;
const Delta delta;

// A new policy is a class above and an entry here.
const ConflictPolicy* const policies[] = {&last_write, &reject_stale, &merge, &newest, &delta};

}  // namespace

void ConflictPolicy::check_column(const std::string& /* column */, Oid /* type */) const {}

bool ConflictPolicy::needs_old(const RowColumn& /* column */, bool /* has_value */, Access /* access */) const { return false; }

bool ConflictPolicy::has_evidence(const std::vector<RowColumn>& /* columns */, const ChangeForm& /* form */, Access /* access */) const {
    return true;
}

SqlError ConflictPolicy::lack_of_evidence(const ExposedTable& table) const {
    return SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "a change of \"" + table.name + "\" does not say what the row was before", {},
                    table.conflict_column.empty() ? "Let the client track previous values."
                                                  : "It needs the previous value of \"" + table.conflict_column + "\".",
                    pg::Defect::possible);
}

std::string ConflictPolicy::condition(const Use& /* use */, Access /* access */) const { return {}; }

std::string ConflictPolicy::assignment(const Use& use) const { return use.value.empty() ? "" : use.column.name + " = " + use.value; }

const ConflictPolicy* conflict_policy(std::string_view name) {
    for (const ConflictPolicy* const policy : policies)
        if (policy->name() == name) return policy;
    return nullptr;
}

std::string conflict_policies() {
    std::string names;
    for (const ConflictPolicy* const policy : policies) {
        if (!names.empty()) names += policy == std::end(policies)[-1] ? " or " : ", ";
        names += policy->name();
    }
    return names;
}

}  // namespace replicache::engine
