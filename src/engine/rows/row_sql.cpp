#include "engine/rows/row_sql.h"

namespace replicache::engine {
namespace {

using Kind = RowChange::Kind;

void add(std::string& list, const std::string& item, const char* separator = ", ") {
    if (!item.empty()) list += (list.empty() ? "" : separator) + item;
}

std::string marker(const WaitingName& column) { return "v.\"" + std::string(column.text) + "\""; }

RowStatement statement_for_existing(Kind kind) {
    switch (kind) {
        case Kind::remove: return RowStatement::remove;
        case Kind::upsert: return RowStatement::restore;
        default: return RowStatement::update;
    }
}

// The text is for `statement`. Its parts are those of `writes`, which differs for a MERGE only.
class RowSql {
public:
    RowSql(const TableShape& shape, const ChangeForm& form, RowStatement statement)
        : shape_(shape),
          form_(form),
          statement_(statement),
          writes_(statement == RowStatement::write_or_refuse ? statement_for_existing(form.kind()) : statement),
          access_(access_of(writes_)) {
        for (std::size_t i = 0; i < shape.columns.size(); ++i) add_column(i);
        if (writes_ == RowStatement::restore && !shape.deleted.empty() && !sets_deleted_) add(set_, shape.deleted + " = false");
        if (writes_ == RowStatement::remove && !shape.deleted.empty()) set_ = shape.deleted + " = true";
    }

    std::string text() const {
        const std::string &table = shape_.rows, waiting = "waiting AS v";
        const std::string not_deleted = shape_.deleted.empty() ? "" : " AND t." + shape_.deleted + " IS NOT TRUE";
        switch (statement_) {
            case RowStatement::insert: return insert() + returning();
            case RowStatement::insert_unless_there: return insert() + unless_there() + " DO NOTHING";
            case RowStatement::restore: return "UPDATE " + table + " SET " + set_ + " FROM " + waiting + " WHERE " + where_;
            case RowStatement::update:
                return "UPDATE " + table + " SET " + set_ + " FROM " + waiting + " WHERE " + where_ + not_deleted + returning();
            case RowStatement::find: return "SELECT FROM " + waiting + ", " + table + " WHERE " + where_;
            case RowStatement::find_live:
                return "SELECT " + owned_row() + " FROM " + waiting + ", " + table + " WHERE " + where_ + not_deleted;
            case RowStatement::show:
                return "SELECT pg_catalog.row_to_json(t.*)::pg_catalog.text FROM " + waiting + ", " + table + " WHERE " + where_;
            case RowStatement::remove:
                return (set_.empty() ? "DELETE FROM " + table + " USING " + waiting
                                     : "UPDATE " + table + " SET " + set_ + " FROM " + waiting) +
                       " WHERE " + where_ + not_deleted + returning();
            case RowStatement::write_or_refuse:
                return "MERGE INTO " + table + " USING " + waiting + " ON " + where_ +
                       (writes_ == RowStatement::restore ? "" : not_deleted) + " WHEN MATCHED THEN " +
                       (set_.empty() ? "DELETE" : "UPDATE SET " + set_);
        }
        return {};
    }

private:
    void add_column(std::size_t i) {
        const RowColumn& column = shape_.columns[i];
        const bool is_owner = form_.is_owned() && column.is_owner, has_value = form_.has_value(i);
        const bool needs_old = access_ && form_.has_old(i) && shape_.policy.needs_old(column, has_value, *access_);
        const ConflictPolicy::Use use{.column = column,
                                      .value = has_value ? marker(waiting_value(column.number)) : "",
                                      .old = needs_old ? marker(waiting_old(column.number)) : ""};
        if (access_ && !column.is_key && !is_owner) {
            if (*access_ == ConflictPolicy::Access::update) {
                if (!has_value && replaces() && column.writable && !column.marks_deleted && !column.is_conflict)
                    add(set_, column.name + " = NULL");
                add(set_, shape_.policy.assignment(use));
                sets_deleted_ = sets_deleted_ || (column.marks_deleted && has_value);
            }
            if (!form_.is_owned()) add(where_, shape_.policy.condition(use, *access_), " AND ");
        }
        if (!has_value) return;
        add(names_, column.name);
        add(values_, use.value);
        if (is_owner && !column.is_key) add(where_, "t." + column.name + " OPERATOR(pg_catalog.=) " + use.value, " AND ");
        for (const TableShape::Key& key : shape_.key)
            if (key.column == i) add(where_, same_key(key, use.value), " AND ");
    }

    bool replaces() const { return shape_.table.replace && form_.kind() == Kind::upsert; }

    // With ANY, the planner can only look for the row of each change by the index, or read the whole table. With =, it could also look for
    // the change of each row, which is the cheapest plan for a table that is still empty.
    std::string same_key(const TableShape::Key& key, const std::string& value) const {
        return "t." + shape_.columns[key.column].name + " " + key.equals + " " + (key.is_array ? value : "ANY (ARRAY[" + value + "])");
    }

    std::string insert() const {
        return "INSERT INTO " + shape_.name + " AS t" + (names_.empty() ? "" : " (" + names_ + ")") + " SELECT " + values_ +
               " FROM waiting AS v";
    }

    // With its columns named, ON CONFLICT needs the right to read them, and a new row that the role may see. So they are named only if a
    // deferrable key must be left out.
    std::string unless_there() const {
        if (!shape_.may_have_deferrable_key) return " ON CONFLICT";
        std::string keys;
        for (const TableShape::Key& key : shape_.key) add(keys, shape_.columns[key.column].name);
        return " ON CONFLICT (" + keys + ")";
    }

    // The columns of a user's row that the answer needs after it was written. Empty: the row may be anyone's.
    std::string owned_row() const {
        if (!form_.is_owned()) return {};
        const Resource& resource = *shape_.resource;
        return "t." + resource.version + ", " + resource.id + ", " +
               (statement_ == RowStatement::remove ? resource.identity : "NULL::pg_catalog.text") + ", " + resource.data;
    }

    std::string returning() const {
        if (!form_.is_owned()) return {};
        return " RETURNING " + owned_row() + (statement_ == RowStatement::update ? ", v.\"" + std::string(waiting_number) + "\"" : "");
    }

    const TableShape& shape_;
    const ChangeForm& form_;
    const RowStatement statement_;
    const RowStatement writes_;
    const std::optional<ConflictPolicy::Access> access_;
    std::string names_, values_, set_, where_;
    bool sets_deleted_ = false;  // the client says whether the row is deleted softly
};

}  // namespace

std::string row_sql(const TableShape& shape, const ChangeForm& form, RowStatement statement) {
    return RowSql(shape, form, statement).text();
}

std::optional<ConflictPolicy::Access> access_of(RowStatement statement) {
    switch (statement) {
        case RowStatement::update:
        case RowStatement::restore: return ConflictPolicy::Access::update;
        case RowStatement::remove: return ConflictPolicy::Access::removal;
        default: return std::nullopt;
    }
}

}  // namespace replicache::engine
