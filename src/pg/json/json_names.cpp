#include "pg/json/json_names.h"

extern "C" {
#include "common/jsonapi.h"
#include "utils/jsonfuncs.h"
}

namespace replicache::pg {
namespace {

// The callbacks of PostgreSQL's JSON parser. They run between C frames, so nothing here may have a destructor.
#if PG_VERSION_NUM >= 160000
using ParseResult = JsonParseErrorType;
#define PARSE_OK return JSON_SUCCESS
#else
using ParseResult = void;
#define PARSE_OK return
#endif

struct NameReader {
    JsonLexContext* lexer;
    MemberNames result;
};

ParseResult on_object(void* state) {
    auto& reader = *static_cast<NameReader*>(state);
    if (reader.lexer->lex_level == 0) reader.result.is_object = true;
    PARSE_OK;
}

ParseResult on_member(void* state, char* name, bool) {
    auto& reader = *static_cast<NameReader*>(state);
    if (reader.lexer->lex_level == 1) reader.result.names = lappend(reader.result.names, name);
    PARSE_OK;
}

}  // namespace

MemberNames member_names(std::string_view json) {
    return guarded([json] {
        NameReader reader{};
#if PG_VERSION_NUM >= 170000
        JsonLexContext lexer{};
        reader.lexer = makeJsonLexContextCstringLen(&lexer, const_cast<char*>(json.data()), json.size(), PG_UTF8, true);
#else
        reader.lexer = makeJsonLexContextCstringLen(const_cast<char*>(json.data()), json.size(), GetDatabaseEncoding(), true);
#endif
        JsonSemAction actions{};
        actions.semstate = &reader;
        actions.object_start = on_object;
        actions.object_field_start = on_member;
        pg_parse_json_or_ereport(reader.lexer, &actions);
        return reader.result;
    });
}

}  // namespace replicache::pg
