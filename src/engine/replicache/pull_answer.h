// Replicache's answer to a pull: the one wire format that the engine writes. A client view can be large, so its rows go straight from the
// table into the text that the caller gets. The cookie is written and read in protocol/cookie.cpp.
#pragma once

#include "model/cookie.h"
#include "pg/json/json_text.h"

namespace replicache::engine {

// The members of an operation of the patch: begins with one of these and a key, ends with patch_end. A list may end in a comma, which
// PullAnswer::end_list removes.
namespace patch_text {
constexpr std::string_view clear = R"({"op":"clear"},)";
constexpr std::string_view del = R"({"op":"del","key":)";
constexpr std::string_view put = R"({"op":"put","key":)";
constexpr std::string_view value = R"(,"value":)";
constexpr std::string_view end = "},";
}  // namespace patch_text

// The caller calls its functions in the order of the members.
class PullAnswer {
public:
    PullAnswer();

    void begin() { append("{"); }
    // Of several client groups: the cookie of all of them, as the caller wrote it.
    void append_base_cookie(std::string_view text);
    void append_cookie(const Cookie& cookie);

    // Of several client groups: Cookie::confirmed of those whose members come.
    void begin_confirmed() { append(R"("confirmed":{)"); }
    void append_confirmed(std::string_view group, std::string_view confirmed);
    void end_confirmed() { end_list("}"); }

    // V0: of the one client.
    void append_last_mutation_id(std::int64_t id);
    // V1: of the clients whose number has changed.
    void begin_last_mutation_ids() { append(R"("lastMutationIDChanges":{)"); }
    void append_last_mutation_id(std::string_view client, std::int64_t id);
    void end_last_mutation_ids() { end_list("}"); }
    // Of several client groups: the clients come between these two.
    void begin_group(std::string_view group);
    void end_group() { end_list("},"); }

    void begin_patch() { append(R"("patch":[)"); }
    void append_clear() { append(patch_text::clear); }
    void append_del(std::string_view key);
    void end_patch() { end_list("]"); }

    void end() { append("}"); }

    void append(std::string_view text) {
        pg::guarded([this, text] { appendBinaryStringInfo(&text_, text.data(), static_cast<int>(text.size())); });
    }
    std::string_view text() const { return {text_.data + VARHDRSZ, static_cast<std::size_t>(text_.len) - VARHDRSZ}; }
    // For operations of the patch.
    StringInfo buffer() { return &text_; }
    int length() const { return text_.len; }
    void clear() { cut(VARHDRSZ); }
    void cut(int length) { text_.len = length; }
    // A json datum, in the memory context that the answer was made in.
    Datum datum();

private:
    void append_string(std::string_view text) {
        pg::guarded([this, text] { pg::append_json_string(&text_, text); });
    }
    void end_list(std::string_view bracket);

    StringInfoData text_;  // behind room for the header of the varlena that it becomes
};

}  // namespace replicache::engine
