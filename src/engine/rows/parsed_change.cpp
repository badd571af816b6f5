#include "engine/rows/parsed_change.h"

#include "base/sqlstate.h"
#include "engine/table/relation.h"
#include "pg/json/json_reader.h"
#include "pg/json/json_text.h"
#include "pg/json/scalar_text.h"

namespace replicache::engine {
namespace {

using pg::guarded;
using pg::SqlError;
using Kind = RowChange::Kind;

[[noreturn]] void no_column(std::string_view name, const std::string& table) {
    throw SqlError(ERRCODE_UNDEFINED_COLUMN, "\"" + table + "\" has no column \"" + std::string(name) + "\" that clients may write", {}, {},
                   pg::Defect::possible);
}

pg::Value read_value(const RowColumn& column, std::string_view json) {
    pg::Value value;
    try {
        value.datum = column.input.read(json, &value.null);
    } catch (pg::PgError& error) {
        error.doubt();
        throw;
    }
    return value;
}

// Nullopt: the JSON is no value of the column, so no row has it.
std::optional<pg::Value> read_known(const RowColumn& column, std::string_view json) {
    try {
        return read_value(column, json);
    } catch (const pg::PgError& error) {
        if (!sqlstate::is_no_value(error.sqlerrcode())) throw;
    } catch (const SqlError& error) {
        if (!sqlstate::is_no_value(error.sqlerrcode)) throw;
    }
    return std::nullopt;
}

ParsedChange unread(const TableShape& shape, const RowChange& change, ChangeForm::Rows rows) {
    return {.form = ChangeForm(change.kind, rows, shape.columns.size()),
            .fields = std::vector<ParsedChange::Field>(shape.columns.size()),
            .bytes = change.data.size() + change.old.size()};
}

class ChangeParser {
public:
    // `owner`: JSON; empty: the row may be anyone's.
    ChangeParser(const TableShape& shape, const RowChange& change, std::string_view owner, ParsedChange& result)
        : shape_(shape), change_(change), owner_(owner), form_(result.form), fields_(result.fields) {}

    // False: the change is for a row that the owner cannot have.
    bool parse() {
        // Checks of domains see the changes before this one.
        if (!shape_.has_safe_input) guarded([] { PushActiveSnapshot(GetTransactionSnapshot()); });
        if (!read_id()) return false;
        read_row(change_.data);
        if (change_.kind == Kind::remove) read_row(change_.old);
        if (shape_.policy.judges() && !is_owned()) read_old();
        if (is_owned() && !read_owner()) return false;
        if (change_.kind != Kind::insert) check_key();  // of a new row, it may come from defaults
        if (!shape_.has_safe_input) guarded([] { PopActiveSnapshot(); });
        return true;
    }

private:
    bool is_owned() const { return !owner_.empty(); }

    void set(const RowColumn& column, pg::Value value) {
        const std::size_t i = shape_.index_of(column);
        fields_[i].value = value;
        form_.add_value(i);
    }

    bool read_id() {
        if (change_.kind != Kind::insert && !is_owned()) check_conflict_column();
        id_ = change_.id.empty() ? nullptr : is_owned() ? shape_.owned_id : shape_.id;
        if (id_ == nullptr) return true;
        const auto value = is_owned() ? read_known(*id_, change_.id) : read_value(*id_, change_.id);
        if (value) set(*id_, *value);
        return value.has_value();
    }

    // The table may have been altered since it was exposed. That is not the fault of the client.
    void check_conflict_column() const {
        if (shape_.can_judge) return;
        const ExposedTable& table = shape_.table;
        throw SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                       "changes of \"" + table.name + "\" cannot be judged by \"" + table.conflict_column + "\"",
                       "There is no such column that clients may write.",
                       "Call replicache.expose_crud again after renaming or dropping a column that it was given.");
    }

    // When a name comes twice, only the last value is read: a million of them would fill the memory.
    void read_row(std::string_view object) {
        const bool only_key = change_.kind == Kind::remove;
        const bool assigns_key = change_.kind == Kind::insert && is_owned() && !shape_.resource->composite;
        forget_json();
        pg::for_each_member(object, [&](std::string_view name, std::string_view json) {
            const RowColumn* const column = shape_.find(name);
            const bool key = column != nullptr && column->is_key;
            if (only_key && !key) return;
            if (column == nullptr || !(column->writable || key) || (is_owned() && column->is_owner) ||
                (assigns_key && key && column->assigned))
                no_column(name, shape_.table.name);
            if (key && column == id_) return;  // the id says it
            take(*column, name, json);
        });
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            if (fields_[i].json.empty()) continue;
            fields_[i].value = read_value(shape_.columns[i], fields_[i].json);
            form_.add_value(i);
        }
    }

    // Reads what the client had before. The client may know columns that it does not write.
    void read_old() {
        forget_json();
        pg::for_each_member(change_.old, [&](std::string_view name, std::string_view json) {
            const RowColumn* const column = shape_.find(name);
            if (column != nullptr && column->writable && !column->is_key) take(*column, name, json);
        });
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            if (fields_[i].json.empty()) continue;
            fields_[i].old = read_value(shape_.columns[i], fields_[i].json);
            form_.add_old(i);
        }
    }

    // If two names of one column came with two values, it would be unclear which one counts.
    void take(const RowColumn& column, std::string_view name, std::string_view json) {
        ParsedChange::Field& field = fields_[shape_.index_of(column)];
        if (!field.json.empty() && field.client != name)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                           "a change of \"" + shape_.table.name + "\" has both \"" + std::string(field.client) + "\" and \"" +
                               std::string(name) + "\"",
                           "They are names of the same column.", "Send one of them.");
        field.json = json;
        field.client = name;
    }

    void forget_json() {
        for (ParsedChange::Field& field : fields_) field.json = {};
    }

    // The owner goes into the row. A value from the client is ignored.
    bool read_owner() {
        for (const RowColumn& column : shape_.columns) {
            if (!column.is_owner) continue;
            const auto value = change_.kind == Kind::insert ? read_value(column, owner_) : read_known(column, owner_);
            if (!value) return false;
            set(column, *value);
            if (!is_same_owner(column, value->datum)) return false;
        }
        return true;
    }

    // A column of numbers reads "007" as 7, which is another user.
    bool is_same_owner(const RowColumn& column, Datum value) const {
        const auto text = pg::ScalarText::of(column.type);
        if (!text)
            throw SqlError(
                ERRCODE_DATATYPE_MISMATCH,
                "column " + column.name + " of tracked table \"" + name_of(shape_.table.relation) + "\" is of a type without a fixed text",
                {}, "Call replicache.track_table again after changing a column that it was given.", pg::Defect::certain);
        if (pg::json_string(guarded([&] { return (*text)(value); })) == owner_) return true;
        if (change_.kind != Kind::insert) return false;
        throw SqlError(ERRCODE_INVALID_TEXT_REPRESENTATION, "column " + column.name + " cannot hold the user " + std::string(owner_));
    }

    void check_key() const {
        for (const TableShape::Key& key : shape_.key)
            if (!form_.has_value(key.column))
                throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                               "a change of \"" + shape_.table.name + "\" lacks \"" + shape_.columns[key.column].client + "\"", {},
                               "It is part of the primary key.", pg::Defect::possible);
    }

    const TableShape& shape_;
    const RowChange& change_;
    const std::string_view owner_;
    const RowColumn* id_ = nullptr;  // the column that the id of the change has given; null: none
    ChangeForm& form_;
    std::vector<ParsedChange::Field>& fields_;
};

}  // namespace

ParsedChange parse_change(const TableShape& shape, const RowChange& change) {
    ParsedChange result = unread(shape, change, ChangeForm::Rows::of_anyone);
    ChangeParser(shape, change, {}, result).parse();
    return result;
}

std::optional<ParsedChange> parse_owned_change(const TableShape& shape, const RowChange& change, std::string_view owner) {
    std::optional<ParsedChange> result = unread(shape, change, ChangeForm::Rows::of_one_user);
    if (!ChangeParser(shape, change, pg::json_string(owner), *result).parse()) result.reset();
    return result;
}

}  // namespace replicache::engine
