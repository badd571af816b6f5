#include "engine/mutators/row_mutator.h"

#include "engine/rows/row_changes.h"
#include "pg/json/json_reader.h"

namespace replicache::engine {
namespace {

using pg::JsonReader;
using pg::SqlError;

class RowMutator : public Mutator {
public:
    RowMutator(std::string name, std::string table, RowChange::Kind kind) : name_(std::move(name)), table_(std::move(table)), kind_(kind) {}

    // There is no function to execute. The privileges on the table are checked when the row is written.
    void check_privilege() const override {}

    std::optional<RowChange> row_change(std::string_view args) const override {
        if (JsonReader(args).next() != JsonReader::Token::begin_object)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "args of mutator \"" + name_ + "\" must be an object", {},
                           R"(Pass the columns of the row: {"column":value}.)");
        RowChange change;
        change.kind = kind_;
        change.table = table_;
        // For a deletion, the columns say what the client knew of the row.
        (kind_ == RowChange::Kind::remove ? change.old : change.data) = args;
        return change;
    }

    std::optional<pg::PgError> call(std::string_view args, std::string* result) override {
        if (result != nullptr) result->clear();
        return apply_one(*row_change(args));
    }

private:
    std::string name_;   // for messages
    std::string table_;  // as clients call it
    RowChange::Kind kind_;
};

std::optional<RowChange::Kind> kind_of(std::string_view operation) {
    if (operation == "insert") return RowChange::Kind::insert;
    if (operation == "upsert") return RowChange::Kind::upsert;
    if (operation == "update") return RowChange::Kind::update;
    if (operation == "delete") return RowChange::Kind::remove;
    return std::nullopt;
}

}  // namespace

std::shared_ptr<Mutator> find_row_mutator(const std::string& name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos) return nullptr;
    const auto kind = kind_of(std::string_view(name).substr(dot + 1));
    if (!kind) return nullptr;
    std::string table = name.substr(0, dot);
    if (!find_row_writer(table, RowExclusiveLock)) return nullptr;
    return std::make_shared<RowMutator>(name, std::move(table), *kind);
}

}  // namespace replicache::engine
