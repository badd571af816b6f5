// PowerSync's uploads against docs/powersync.md.
#include "protocol/powersync.h"

#include "fuzz.h"

namespace replicache::fuzz {

namespace {

using Names = std::initializer_list<const char*>;

// The name among these that has a value; nullptr: none.
const char* name_in(const Json& object, Names names) {
    for (const char* name : names)
        if (member_or_null(object, name) != nullptr) return name;
    return nullptr;
}

const Json* find(const Json& object, Names names) {
    const char* name = name_in(object, names);
    return name == nullptr ? nullptr : member(object, name);
}

std::optional<std::int64_t> number_in(const Json& object, Names names) {
    const Json* value = find(object, names);
    return value == nullptr ? std::nullopt : std::optional(number_of(value));
}

const Names transaction_id_names = {"tx_id", "transaction_id", "transactionId"};

class Checker {
public:
    // Refused, or what the entry has to have become.
    void entry(const Json& entry, const RowChange* change) {
        require(entry.is_object());
        const std::string op = text_of(member(entry, "op"));
        require(op == "PUT" || op == "PATCH" || op == "DELETE");
        const std::string table = text_of(find(entry, {"type", "table"}));
        const Json* id = member(entry, "id");
        require(id != nullptr && (id->is_string() || id->is_number()));
        for (const Names& names : {Names{"data", "op_data", "opData"}, Names{"old", "previous_values", "previousValues"}}) {
            const Json* row = find(entry, names);
            require(row == nullptr || row->is_object());
        }
        const std::int64_t number = number_in(entry, {"op_id", "clientId"}).value_or(0);
        if (find(entry, {"op_id", "clientId"}) != nullptr) {
            require(number > last_number_);
            last_number_ = number;
        }
        if (change == nullptr) return;
        using Kind = RowChange::Kind;
        check(change->kind == (op == "PUT" ? Kind::upsert : op == "PATCH" ? Kind::update : Kind::remove), "op");
        check(change->table == table && change->number == number, "table and number");
        check(json_of(change->id) == *id, "id");
        check(json_of(change->source) == entry, "source");
        slice(change->data, entry, {"data", "op_data", "opData"});
        slice(change->old, entry, {"old", "previous_values", "previousValues"});
    }

private:
    static void slice(std::string_view slice, const Json& entry, Names names) {
        const char* name = name_in(entry, names);
        check(slice.empty() == (name == nullptr), "a slice is there when its member is");
        if (name != nullptr) check_slice(slice, entry, name);
    }

    std::int64_t last_number_ = 0;
};

// Goes through the request as the parser should have. Refused where it is malformed; `upload` is null to learn that.
void compare(const Json& request, const Upload* upload) {
    require(request.is_object());
    const char* shape = nullptr;
    for (const char* name : {"transactions", "batch", "crud"}) {
        if (member_or_null(request, name) == nullptr) continue;
        require(shape == nullptr);
        shape = name;
    }
    require(shape != nullptr);
    const Json* client = find(request, {"client_id", "clientId"});
    const auto client_id = client == nullptr ? std::nullopt : std::optional(identifier_of(client));
    const auto checkpoint = number_in(request, {"checkpoint", "write_checkpoint"});
    const Json* on_error = find(request, {"on_error", "on_fatal_error"});
    require(on_error == nullptr || text_of(on_error) == "stop" || text_of(on_error) == "skip");
    const Json& all = *member(request, shape);
    require(all.is_array() && !all.empty());

    Checker checker;
    std::size_t transaction = 0, count = 0;
    const auto next = [&](std::size_t i) { return upload == nullptr ? nullptr : &upload->transactions.at(transaction).changes.at(i); };
    if (shape == std::string_view("transactions")) {
        require(all.size() <= protocol::max_transactions);
        for (const Json& object : all) {
            require(object.is_object());
            const auto id = number_in(object, transaction_id_names);
            const Json* crud = member(object, "crud");
            require(crud != nullptr && crud->is_array());
            count += crud->size();
            for (std::size_t i = 0; i < crud->size(); ++i) checker.entry((*crud)[i], next(i));
            if (upload != nullptr)
                check(upload->transactions.at(transaction).id == id && upload->transactions[transaction].changes.size() == crud->size(),
                      "a transaction");
            ++transaction;
        }
    } else {
        std::size_t i = 0;
        std::optional<std::int64_t> last;
        for (const Json& entry : all) {
            require(entry.is_object());
            const auto id = number_in(entry, transaction_id_names);
            if (count++ > 0 && id != last) {
                if (upload != nullptr) check(upload->transactions.at(transaction).changes.size() == i, "neighbours make a transaction");
                ++transaction;
                i = 0;
            }
            last = id;
            checker.entry(entry, next(i++));
            if (upload != nullptr) check(upload->transactions[transaction].id == id, "the id of a transaction");
        }
        ++transaction;
    }
    require(count <= protocol::max_upload_entries);
    if (upload == nullptr) return;
    check(upload->transactions.size() == transaction, "all transactions");
    check(upload->client_id == client_id && upload->checkpoint == checkpoint, "client_id, checkpoint");
    check(upload->skip_rejected == (on_error != nullptr && *on_error == "skip"), "on_error");
}

void check_slices(const Upload& upload, std::string_view text) {
    for (const auto& transaction : upload.transactions)
        for (const auto& change : transaction.changes)
            for (const std::string_view slice : {change.id, change.data, change.old, change.source}) check_within(slice, text);
}

// An answer that rejects everything is JSON, whatever the ids are made of.
void check_answer(const Upload& upload) {
    std::vector<TransactionResult> results;
    for (const auto& transaction : upload.transactions) {
        auto& result = results.emplace_back();
        result.status = TransactionResult::Status::rejected;
        result.failure = {
            .sqlstate = "23505", .message = transaction.changes.empty() ? "" : transaction.changes[0].table, .detail = {}, .hint = {}};
        if (!transaction.changes.empty()) result.change = transaction.changes.size() - 1;
    }
    check(Json::accept(protocol::upload_answer(upload, results)), "an answer is JSON");
}

}  // namespace

void upload(std::string_view text) {
    const auto verdict = parsed(text, protocol::parse_upload);
    if (!verdict) return;
    const auto& result = *verdict;
    if (result) check_slices(*result, text);
    const auto request = json_of(text);
    if (!request) return;
    try {
        compare(*request, nullptr);
    } catch (const Refused&) {
        check(!result, "a malformed upload is refused");
        return;
    }
    check(result.has_value(), "a well-formed upload is accepted");
    compare(*request, &*result);
    check_answer(*result);
}

}  // namespace replicache::fuzz
