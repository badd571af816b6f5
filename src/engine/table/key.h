// Keys of client-view entries, made from a template such as 'message/{id}'. Names of spaces are made in the same way: space_name.h.
//
// In the text of a column, `/` becomes %2F and `%` becomes %25. Two columns of a template are always separated by a `/`. So rows that
// differ in a column of the template have different keys.
#pragma once

#include "pg/border.h"
#include "pg/json/scalar_text.h"

namespace replicache::engine {

class KeyTemplate {
public:
    // A literal and the column that follows it. The last piece may have no column.
    struct Piece {
        std::string literal;
        std::string column;
    };

    // What the template is for. Only messages use it.
    struct Use {
        const char* name;
        const char* example;
    };
    static constexpr Use keys{"key", "message/{id}"};

    // `{column}` stands for a column, `{{` and `}}` for braces. Throws 22023.
    static KeyTemplate parse(std::string_view text, const Use& use = keys);
    // The default: '<table>/{pk1}/{pk2}'.
    static KeyTemplate for_primary_key(const std::string& table, const std::vector<std::string>& columns);

    const std::vector<Piece>& pieces() const { return pieces_; }
    std::vector<std::string> columns() const;
    std::string text() const;
    // Whether some rows under this template and the other can have the same key.
    bool may_equal(const KeyTemplate& other) const;
    // The key of a row whose columns have these texts.
    std::string fill(const std::vector<std::string>& texts) const;
    // The texts of the columns in every row with this key. Nullopt: no row can have the key.
    std::optional<std::vector<std::string>> match(std::string_view key) const;

private:
    std::vector<Piece> pieces_;
};

// A template bound to the columns of a tuple.
class Key {
public:
    struct Column {
        AttrNumber number;  // in the tuple, from 1
        Oid type;
    };
    // `find` tells where a column is, and throws when it is not there.
    Key(const KeyTemplate& key, const std::function<Column(const std::string&)>& find);

    // Appends the key of the row whose columns `get(number, &isnull)` returns. Raises PostgreSQL errors: call it guarded.
    template <class Get>
    void append(StringInfo out, Get get) const {
        for (const Part& part : parts_) {
            appendBinaryStringInfo(out, part.literal.data(), static_cast<int>(part.literal.size()));
            if (part.column == 0) continue;
            bool null = false;
            const Datum datum = get(part.column, &null);
            if (null) raise_null(part);
            const std::string_view text = (*part.text)(datum);
            if (part.text->is_plain())
                appendBinaryStringInfo(out, text.data(), static_cast<int>(text.size()));
            else
                append_encoded(out, text);
        }
    }

    // The same as a text, in the current memory context. Guards itself.
    template <class Get>
    std::string_view text(Get get) const {
        return pg::guarded([&] {
            StringInfoData key;
            initStringInfo(&key);
            append(&key, get);
            return std::string_view(key.data, key.len);
        });
    }

private:
    struct Part {
        std::string literal;
        std::string name;
        AttrNumber column = 0;
        std::optional<pg::ScalarText> text;
    };
    [[noreturn]] static void raise_null(const Part& part);
    static void append_encoded(StringInfo out, std::string_view text);

    std::vector<Part> parts_;
};

}  // namespace replicache::engine
