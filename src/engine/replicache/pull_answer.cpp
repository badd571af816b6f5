#include "engine/replicache/pull_answer.h"

#include "protocol/cookie.h"

namespace replicache::engine {

PullAnswer::PullAnswer() {
    pg::guarded([this] {
        initStringInfo(&text_);
        appendStringInfoSpaces(&text_, VARHDRSZ);
    });
}

void PullAnswer::append_base_cookie(std::string_view text) {
    append(R"("baseCookie":)");
    append(text);
    append(",");
}

void PullAnswer::append_cookie(const Cookie& cookie) { append("\"cookie\":" + protocol::cookie_text(cookie)); }

void PullAnswer::append_confirmed(std::string_view group, std::string_view confirmed) {
    append_string(group);
    append(":\"");
    append(confirmed);
    append("\",");
}

void PullAnswer::begin_group(std::string_view group) {
    append_string(group);
    append(":{");
}

void PullAnswer::append_last_mutation_id(std::int64_t id) { append("\"lastMutationID\":" + std::to_string(id)); }

void PullAnswer::append_last_mutation_id(std::string_view client, std::int64_t id) {
    append_string(client);
    append(":" + std::to_string(id) + ",");
}

void PullAnswer::append_del(std::string_view key) {
    append(patch_text::del);
    append_string(key);
    append(patch_text::end);
}

void PullAnswer::end_list(std::string_view bracket) {
    if (text_.data[text_.len - 1] == ',') --text_.len;
    append(bracket);
}

Datum PullAnswer::datum() {
    SET_VARSIZE(text_.data, text_.len);
    return PointerGetDatum(text_.data);
}

}  // namespace replicache::engine
