#include "engine/mutators/queued_call.h"

#include "engine/mutators/mutator_registry.h"
#include "engine/session/timeout.h"
#include "engine/table/mutator_queue.h"
#include "pg/json/column_input.h"
#include "pg/json/json_reader.h"
#include "pg/settings_scope.h"
#include "pg/table.h"

namespace replicache::engine {
namespace {

using pg::JsonReader;
using pg::SqlError;
using Token = JsonReader::Token;

struct Call {
    std::string name;
    std::string_view args;  // JSON; empty: absent
};

// SQLite has no type for JSON, so JSON comes as a string that holds it. Anything but a string is taken as it is.
std::string_view read_args(std::string_view json) {
    static pg::ColumnInput input = [] {
        pg::ColumnInput prepared;
        prepared.prepare("args", JSONOID, -1, TopMemoryContext);
        return prepared;
    }();
    bool null;
    const Datum args = input.read(json, &null);
    if (null) return {};
    JsonReader reader(pg::view_of_text(args));
    return reader.value(reader.next());  // without the space around it
}

Call read_call(const RowChange& change) {
    Call call;
    bool named = false;
    JsonReader reader(change.data);
    if (reader.next() == Token::begin_object)
        while (reader.next() == Token::name) {
            const std::string_view member = pg::decode_name(reader.text());
            const Token token = reader.next();
            if (member == "name") {
                named = token == Token::string;
                if (named) call.name = pg::decode_name(reader.text());
                reader.value(token);
            } else if (member == "args") {
                call.args = read_args(reader.value(token));
            } else {
                throw SqlError(ERRCODE_UNDEFINED_COLUMN,
                               "\"" + change.table + "\" has no column \"" + std::string(member) + "\" that clients may write", {},
                               "Send only name and args in a call of a mutator.");
            }
        }
    if (!named)
        throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "a call in \"" + change.table + "\" lacks \"name\"", {},
                       "Send the name of the mutator as a string.");
    return call;
}

void run(const Call& call, bool& timed_out) {
    const auto mutator = find_mutator(call.name);
    mutator->check_privilege();
    auto failure = within_timeout(call.name, timed_out, [&] {
        pg::SettingsScope settings;
        auto error = mutator->call(call.args);
        if (!error) settings.restore();
        return error;
    });
    if (failure) throw std::move(*failure);
}

}  // namespace

void call_mutator(const RowChange& change, bool& timed_out) {
    switch (change.kind) {
        case RowChange::Kind::insert:
        case RowChange::Kind::upsert: run(read_call(change), timed_out); return;
        case RowChange::Kind::update:
            throw SqlError(ERRCODE_INSUFFICIENT_PRIVILEGE, "clients may not update rows of \"" + change.table + "\"", {},
                           "Insert another call. A call of a mutator cannot be changed.");
        case RowChange::Kind::remove: return;
    }
}

std::string called_mutator(const RowChange& change) {
    std::string name;
    JsonReader reader(change.data);
    if (change.kind != RowChange::Kind::upsert || !is_mutator_queue(change.table) || reader.next() != Token::begin_object) return name;
    while (reader.next() == Token::name) {
        const bool is_name = reader.text() == "name";
        const Token token = reader.next();
        // To decode a name with escapes could raise an error, and nothing rolls back an error here. So such a name is left out.
        if (is_name && token == Token::string && reader.text().find('\\') == std::string_view::npos) name = reader.text();
        reader.value(token);
    }
    return name;
}

}  // namespace replicache::engine
