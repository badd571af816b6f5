#include "protocol/powersync.h"

#include <initializer_list>
#include <stdexcept>
#include <utility>

#include "base/sqlstate.h"
#include "protocol/writer.h"

namespace replicache::protocol {

namespace {

// The names that the SDKs, the reference implementation and the demos use for the same thing.
using Names = std::initializer_list<std::string_view>;

// The first of the names that has a value; empty: none.
std::string_view name_in(const Object& object, Names names) {
    for (const std::string_view name : names)
        if (!object.find_value(name).empty()) return name;
    return {};
}

std::optional<std::int64_t> read_number(const Object& object, Names names) {
    const std::string_view name = name_in(object, names);
    return name.empty() ? std::nullopt : std::optional(object.unsigned_integer(name));
}

std::optional<std::int64_t> read_transaction_id(const Object& object) {
    return read_number(object, {"tx_id", "transaction_id", "transactionId"});
}

// Empty: none.
std::string_view read_row(const Object& entry, Names names) {
    const std::string_view name = name_in(entry, names);
    if (name.empty()) return {};
    const std::string_view value = entry.find(name);
    if (!value.starts_with('{')) throw MalformedRequest(entry.path_of(name), "an object", value);
    return value;
}

RowChange::Kind read_kind(const Object& entry) {
    const std::string op = entry.text("op");
    if (op == "PUT") return RowChange::Kind::upsert;
    if (op == "PATCH") return RowChange::Kind::update;
    if (op == "DELETE") return RowChange::Kind::remove;
    throw MalformedRequest(entry.path_of("op"), R"("PUT", "PATCH" or "DELETE")", entry.at("op"));
}

std::string read_table(const Object& entry) {
    const std::string_view name = name_in(entry, {"type", "table"});
    return entry.text(name.empty() ? "type" : name);
}

std::string_view read_id(const Object& entry) {
    const std::string_view id = entry.at("id");
    if (!is_string_or_number(id)) throw MalformedRequest(entry.path_of("id"), "a string or a number", id);
    return id;
}

// The entries of one request, in the order of the client's queue.
class EntryReader {
public:
    template <typename Take>  // take(entry, its change, how far that is)
    void read(std::string_view array, const Path& path, Take take) {
        for_each_object(
            array, path,
            [&](const Object& entry, const Extent& read) {
                if (++count_ > max_upload_entries)
                    throw MalformedRequest(path, "at most " + std::to_string(max_upload_entries) + " entries in a request", "more");
                take(entry, read_entry(entry), read);
            });
    }

private:
    RowChange read_entry(const Object& entry) {
        return {
            .kind = read_kind(entry),
            .table = read_table(entry),
            .id = read_id(entry),
            .data = read_row(entry, {"data", "op_data", "opData"}),
            .old = read_row(entry, {"old", "previous_values", "previousValues"}),
            .source = entry.source(),
            .number = read_op_id(entry),
        };
    }

    // A number that is not above the client's highest counts as applied. So a number out of order would lose a change of the client.
    std::int64_t read_op_id(const Object& entry) {
        const Names names = {"op_id", "clientId"};
        const auto number = read_number(entry, names);
        if (!number) return 0;
        if (*number <= last_op_id_) {
            const std::string_view name = name_in(entry, names);
            throw MalformedRequest(entry.path_of(name), "a number above " + std::to_string(last_op_id_), entry.find(name));
        }
        return last_op_id_ = *number;
    }

    std::size_t count_ = 0;
    std::int64_t last_op_id_ = 0;
};

std::vector<ClientTransaction> read_transactions(std::string_view array, const std::string& path) {
    const std::string expected = "1 to " + std::to_string(max_transactions) + " transactions";
    EntryReader entries;
    std::vector<ClientTransaction> transactions;
    for_each_object(array, path, [&](const Object& object, const Extent&) {
        if (transactions.size() == max_transactions) throw MalformedRequest(path, expected, "more");
        auto& transaction = transactions.emplace_back();
        transaction.id = read_transaction_id(object);
        entries.read(object.at("crud"), object.path_of("crud"), [&](const Object&, RowChange change, const Extent& read) {
            read.make_room(transaction.changes);
            transaction.changes.push_back(std::move(change));
        });
    });
    if (transactions.empty()) throw MalformedRequest(path, expected, "none");
    return transactions;
}

// Neighbours with the same transaction id, or without any, belong together.
std::vector<ClientTransaction> read_batch(std::string_view array, const std::string& path) {
    EntryReader entries;
    std::vector<ClientTransaction> transactions;
    entries.read(array, path, [&](const Object& entry, RowChange change, const Extent& read) {
        const auto id = read_transaction_id(entry);
        if (transactions.empty() || transactions.back().id != id) transactions.push_back({.id = id});
        read.make_room(transactions.back().changes);
        transactions.back().changes.push_back(std::move(change));
    });
    if (transactions.empty()) throw MalformedRequest(path, "1 to " + std::to_string(max_upload_entries) + " entries", "none");
    return transactions;
}

// Two shapes at once are refused: whichever we took, the changes of the other would be lost.
std::string_view read_shape(const Object& request, std::string_view text) {
    constexpr std::string_view expected = R"(one of "transactions", "batch" and "crud")";
    std::string_view shape;
    for (const std::string_view name : {"transactions", "batch", "crud"}) {
        if (name_in(request, {name}).empty()) continue;
        if (!shape.empty()) throw MalformedRequest("upload", expected, '"' + std::string(shape) + "\" and \"" + std::string(name) + '"');
        shape = name;
    }
    if (shape.empty()) throw MalformedRequest("upload", expected, text);
    return shape;
}

bool read_skip(const Object& request) {
    const std::string_view name = name_in(request, {"on_error", "on_fatal_error"});
    if (name.empty()) return false;
    const std::string on_error = request.text(name);
    if (on_error != "stop" && on_error != "skip") throw MalformedRequest(request.path_of(name), R"("stop" or "skip")", request.find(name));
    return on_error == "skip";
}

// The words of the reference implementation, where it has one: its UNAUTHORIZED is a check of rights that the backend made, and here
// PostgreSQL makes it. CONFLICT is ours.
std::string_view error_code(std::string_view sqlstate) {
    constexpr std::pair<std::string_view, std::string_view> codes[] = {
        {"23502", "NOT_NULL_VIOLATION"}, {"23503", "FOREIGN_KEY_VIOLATION"}, {"23505", "UNIQUE_VIOLATION"},
        {"23514", "CHECK_VIOLATION"},    {"23", "CONSTRAINT_VIOLATION"},     {"22", "INVALID_DATA"},
        {"42501", "UNAUTHORIZED"},       {"42", "SCHEMA_MISMATCH"},          {sqlstate::lost_conflict_text, "CONFLICT"},
    };
    for (const auto& [beginning, code] : codes)
        if (sqlstate.starts_with(beginning)) return code;
    return "UNCLASSIFIED_ERROR";
}

void write_details(Writer& writer, const RowChange* change, const TransactionResult& result) {
    writer.begin('{');
    if (change != nullptr) {
        writer.member("table", change->table);
        writer.slice("id", change->id);
    }
    const auto member = [&](std::string_view name, const std::optional<std::string>& text) {
        if (text) writer.member(name, *text);
    };
    member("column", result.column);
    member("detail", result.failure.detail);
    member("hint", result.failure.hint);
    writer.member("sqlstate", result.failure.sqlstate);
    writer.end('}');
}

void write_rejection(Writer& writer, const ClientTransaction& transaction, const TransactionResult& result) {
    const RowChange* change = result.change ? &transaction.changes.at(*result.change) : nullptr;
    writer.member("status", "fatal_error");
    writer.json("requires_client_handling", "false");
    writer.member("message", result.failure.message);
    writer.name("failed_operation");
    writer.begin('{');
    writer.member("error_code", error_code(result.failure.sqlstate));
    writer.member("message", result.failure.message);
    writer.name("details");
    write_details(writer, change, result);
    if (result.change)  // clients take null for a malformed answer
        writer.member("operation_index", static_cast<std::int64_t>(*result.change));
    writer.end('}');
}

void write_result(Writer& writer, const ClientTransaction& transaction, const TransactionResult& result) {
    constexpr std::int64_t retry_after_ms = 1000;
    writer.begin('{');
    switch (result.status) {
        case TransactionResult::Status::success: writer.member("status", "success"); break;
        case TransactionResult::Status::temporary:
            writer.member("status", "retryable_error");
            writer.member("message", result.failure.message);
            writer.member("retry_after_ms", retry_after_ms);
            break;
        case TransactionResult::Status::rejected: write_rejection(writer, transaction, result); break;
        case TransactionResult::Status::not_attempted: writer.member("status", "not_attempted"); break;
    }
    writer.end('}');
}

}  // namespace

Upload parse_upload(std::string_view text) {
    const Object request(text, "upload");
    const std::string_view shape = read_shape(request, text);
    Upload upload;
    if (const std::string_view name = name_in(request, {"client_id", "clientId"}); !name.empty())
        upload.client_id = request.identifier(name);
    upload.checkpoint = read_number(request, {"checkpoint", "write_checkpoint"});
    upload.skip_rejected = read_skip(request);
    const auto read = shape == "transactions" ? read_transactions : read_batch;
    upload.transactions = read(request.at(shape), request.path_of(shape));
    return upload;
}

std::string upload_answer(const Upload& upload, const std::vector<TransactionResult>& results) {
    if (results.size() != upload.transactions.size()) {
        throw std::invalid_argument("an upload of " + std::to_string(upload.transactions.size()) + " transactions has " +
                                    std::to_string(results.size()) + " results");
    }
    Writer writer;
    writer.begin('{');
    writer.name("results");
    writer.begin('[');
    for (std::size_t i = 0; i < results.size(); ++i) write_result(writer, upload.transactions[i], results[i]);
    writer.end(']');
    writer.end('}');
    return writer.take();
}

}  // namespace replicache::protocol
