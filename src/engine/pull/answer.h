// The answer to a pull, as it is written.
#pragma once

#include "model/cookie.h"
#include "pg/json_text.h"

namespace replicache::engine {

// The answer is written behind room for the header of the varlena that it becomes.
class PullAnswer {
public:
    PullAnswer() {
        pg::guarded([this] {
            initStringInfo(&text_);
            appendStringInfoSpaces(&text_, VARHDRSZ);
        });
    }
    void append(std::string_view text) {
        pg::guarded([this, text] { appendBinaryStringInfo(&text_, text.data(), static_cast<int>(text.size())); });
    }
    void append_string(std::string_view text) {
        pg::guarded([this, text] { pg::append_json_string(&text_, text); });
    }
    void append(std::int64_t number) { append(std::to_string(number)); }
    void append(const std::vector<std::int64_t>& numbers) {
        append("[");
        for (const std::int64_t number : numbers) {
            append(number);
            append(",");
        }
        end_list();
        append("]");
    }
    void append(const Order& order) {
        if (order.level == 0) return append(order.number);
        append("\"");
        for (int i = 0; i < order.level; ++i) append("\\uffff");
        const std::string digits = std::to_string(order.number);
        append(std::string(16 - digits.size(), '0') + digits + "\"");
    }
    void append(const Cookie& cookie) {
        if (!cookie.source.empty()) return append(cookie.source);
        if (cookie.origin.empty()) return append(cookie.version);
        append("{\"order\":");
        append(cookie.order);
        if (cookie.xmax > 0) {
            append(",\"xmax\":");
            append(cookie.xmax);
            append(",\"inProgress\":");
            append(cookie.in_progress);
        } else {
            append(",\"version\":");
            append(cookie.version);
        }
        append(",\"lsn\":");
        pg::guarded(
            [this, lsn = cookie.lsn] { appendStringInfo(&text_, "\"%X/%X\"", static_cast<uint32>(lsn >> 32), static_cast<uint32>(lsn)); });
        if (!cookie.confirmed.empty()) {
            append(",\"confirmed\":");
            append_string(cookie.confirmed);
        }
        if (!cookie.skipped.empty()) {
            append(",\"skipped\":");
            append(cookie.skipped);
        }
        append(",\"origin\":");
        append_string(cookie.origin);
        append("}");
    }
    std::string_view text() const { return {text_.data + VARHDRSZ, static_cast<std::size_t>(text_.len) - VARHDRSZ}; }
    StringInfo buffer() { return &text_; }
    int length() const { return text_.len; }
    void clear() { cut(VARHDRSZ); }
    void cut(int length) { text_.len = length; }
    // Removes the comma behind the last element of a list.
    void end_list() {
        if (text_.data[text_.len - 1] == ',') --text_.len;
    }
    Datum datum() {
        SET_VARSIZE(text_.data, text_.len);
        return PointerGetDatum(text_.data);
    }

private:
    StringInfoData text_;
};

}  // namespace replicache::engine
