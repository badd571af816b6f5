#include "engine/table/key.h"

namespace replicache::engine {
namespace {

using pg::SqlError;

[[noreturn]] void malformed(const KeyTemplate::Use& use, std::string_view text, const std::string& problem, const std::string& hint) {
    throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE,
                   std::string("invalid ") + use.name + " template \"" + std::string(text) + "\": " + problem, {}, hint);
}

// What a template allows between two slashes: a literal, or a column with a prefix and a suffix.
struct Segment {
    std::string prefix;  // without a column: the literal
    bool column = false;
    std::string suffix;
};

std::vector<Segment> segments_of(const KeyTemplate& key) {
    std::vector<Segment> segments(1);
    for (const auto& piece : key.pieces()) {
        for (const char c : piece.literal)
            if (c == '/')
                segments.emplace_back();
            else
                (segments.back().column ? segments.back().suffix : segments.back().prefix) += c;
        if (!piece.column.empty()) segments.back().column = true;
    }
    return segments;
}

bool one_ends_other(const std::string& a, const std::string& b) { return a.ends_with(b) || b.ends_with(a); }
bool one_starts_other(const std::string& a, const std::string& b) { return a.starts_with(b) || b.starts_with(a); }

bool may_equal_literal(const Segment& s, const std::string& literal) {
    return literal.size() >= s.prefix.size() + s.suffix.size() && literal.starts_with(s.prefix) && literal.ends_with(s.suffix);
}

bool may_equal_segment(const Segment& a, const Segment& b) {
    if (!a.column && !b.column) return a.prefix == b.prefix;
    if (!a.column) return may_equal_literal(b, a.prefix);
    if (!b.column) return may_equal_literal(a, b.prefix);
    return one_starts_other(a.prefix, b.prefix) && one_ends_other(a.suffix, b.suffix);
}

std::string encode(std::string_view text) {
    std::string result;
    for (const char c : text)
        if (c == '/' || c == '%')
            result += c == '/' ? "%2F" : "%25";
        else
            result += c;
    return result;
}

// Nullopt: no column has this text.
std::optional<std::string> decode(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '/') return std::nullopt;
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        const std::string_view code = text.substr(i + 1, 2);
        if (code != "2F" && code != "25") return std::nullopt;
        result += code == "2F" ? '/' : '%';
        i += 2;
    }
    return result;
}

std::string escape_braces(const std::string& literal) {
    std::string result;
    for (const char c : literal) {
        result += c;
        if (c == '{' || c == '}') result += c;
    }
    return result;
}

}  // namespace

KeyTemplate KeyTemplate::parse(std::string_view text, const Use& use) {
    KeyTemplate key;
    Piece piece;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c != '{' && c != '}') {
            piece.literal += c;
            continue;
        }
        if (i + 1 < text.size() && text[i + 1] == c) {
            piece.literal += c;
            ++i;
            continue;
        }
        if (c == '}') malformed(use, text, "\"}\" without \"{\"", "Write \"}}\" for a brace.");
        const std::size_t end = text.find('}', i);
        if (end == std::string_view::npos) malformed(use, text, "\"{\" without \"}\"", "Write \"{column}\", or \"{{\" for a brace.");
        piece.column = text.substr(i + 1, end - i - 1);
        if (piece.column.empty()) malformed(use, text, "\"{}\" names no column", "Write \"{column}\".");
        if (!key.pieces_.empty() && piece.literal.find('/') == std::string::npos)
            malformed(use, text, "no \"/\" between two columns",
                      std::string("Separate columns by \"/\", or different rows could get the same ") + use.name + ".");
        key.pieces_.push_back(std::exchange(piece, {}));
        i = end;
    }
    if (key.pieces_.empty()) malformed(use, text, "it names no column", std::string("Write a template such as '") + use.example + "'.");
    if (!piece.literal.empty()) key.pieces_.push_back(std::move(piece));
    return key;
}

KeyTemplate KeyTemplate::for_primary_key(const std::string& table, const std::vector<std::string>& columns) {
    KeyTemplate key;
    for (const std::string& column : columns)
        if (column.find_first_of("{}") != std::string::npos)
            throw SqlError(ERRCODE_INVALID_PARAMETER_VALUE, "column \"" + column + "\" cannot be part of a key",
                           "Its name contains a brace.", "Rename the column.");
    for (const std::string& column : columns) key.pieces_.push_back({key.pieces_.empty() ? table + "/" : "/", column});
    return key;
}

std::vector<std::string> KeyTemplate::columns() const {
    std::vector<std::string> result;
    for (const Piece& piece : pieces_)
        if (!piece.column.empty()) result.push_back(piece.column);
    return result;
}

std::string KeyTemplate::text() const {
    std::string result;
    for (const Piece& piece : pieces_) {
        result += escape_braces(piece.literal);
        if (!piece.column.empty()) result += "{" + piece.column + "}";
    }
    return result;
}

std::string KeyTemplate::fill(const std::vector<std::string>& texts) const {
    std::string result;
    auto text = texts.begin();
    for (const Piece& piece : pieces_) {
        result += piece.literal;
        if (!piece.column.empty()) result += encode(*text++);
    }
    return result;
}

// The text of a column has no `/`. The literal after it has one, unless it is the last literal. So there is only one place where the text
// of a column can end.
std::optional<std::vector<std::string>> KeyTemplate::match(std::string_view key) const {
    if (!key.starts_with(pieces_.front().literal)) return std::nullopt;
    key.remove_prefix(pieces_.front().literal.size());
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < pieces_.size() && !pieces_[i].column.empty(); ++i) {
        const std::string_view literal = i + 1 < pieces_.size() ? pieces_[i + 1].literal : std::string_view();
        const std::size_t slash = literal.find('/');
        std::size_t end = key.size() - std::min(key.size(), literal.size());
        if (slash != std::string_view::npos) {
            const std::size_t found = key.find('/');
            if (found == std::string_view::npos || found < slash) return std::nullopt;
            end = found - slash;
        }
        if (key.substr(end, literal.size()) != literal) return std::nullopt;
        auto text = decode(key.substr(0, end));
        if (!text) return std::nullopt;
        texts.push_back(std::move(*text));
        key.remove_prefix(end + literal.size());
    }
    if (!key.empty()) return std::nullopt;
    return texts;
}

bool KeyTemplate::may_equal(const KeyTemplate& other) const {
    const auto mine = segments_of(*this), theirs = segments_of(other);
    return std::equal(mine.begin(), mine.end(), theirs.begin(), theirs.end(), may_equal_segment);
}

Key::Key(const KeyTemplate& key, const std::function<Column(const std::string&)>& find) {
    for (const auto& piece : key.pieces()) {
        Part part{.literal = piece.literal, .name = piece.column, .column = 0, .text = std::nullopt};
        if (!piece.column.empty()) {
            const Column column = find(piece.column);
            part.column = column.number;
            part.text = pg::ScalarText::of(column.type);
            if (!part.text)
                throw SqlError(ERRCODE_DATATYPE_MISMATCH, "column \"" + piece.column + "\" cannot be part of a key",
                               "The text of a key must be the same in every session.",
                               "Use columns of types such as text, uuid, integer, numeric, date or timestamp.");
        }
        parts_.push_back(std::move(part));
    }
}

void Key::raise_null(const Part& part) {
    ereport(ERROR,
            (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("column \"%s\" is part of a key and must not be null", part.name.c_str())));
    pg_unreachable();
}

void Key::append_encoded(StringInfo out, std::string_view text) {
    const char* const end = text.data() + text.size();
    const char* begin = text.data();
    for (const char* p = begin; p != end; ++p) {
        if (*p != '/' && *p != '%') continue;
        appendBinaryStringInfo(out, begin, static_cast<int>(p - begin));
        appendBinaryStringInfo(out, *p == '/' ? "%2F" : "%25", 3);
        begin = p + 1;
    }
    appendBinaryStringInfo(out, begin, static_cast<int>(end - begin));
}

}  // namespace replicache::engine
