// registered: what replicache.describe() describes.
#include "api/arguments.h"
#include "engine/describe/registered.h"
#include "pg/json/json_text.h"
#include "protocol/query_template.h"

namespace replicache::api {
namespace {

using engine::RegisteredFunction;

// What the args of a template fill.
std::string parameters_of(const std::string& ast) {
    try {
        std::string list;
        for (const auto& [name, default_value] : protocol::QueryTemplate(ast).parameters())
            list += (list.empty() ? "" : ",") + ("{\"name\":" + (name ? pg::json_string(*name) : "null")) +
                    ",\"default\":" + (default_value.empty() ? "null" : pg::json_string(default_value)) + "}";
        return "[" + list + "]";
    } catch (const protocol::MalformedTemplate&) {
        return "[]";  // somebody has altered the registry; zero_queries says so
    }
}

std::string json_of(const std::vector<RegisteredFunction>& functions) {
    std::string list;
    for (const RegisteredFunction& found : functions) {
        list += (list.empty() ? "" : ",") + ("{\"name\":" + pg::json_string(found.name));
        if (found.function == InvalidOid)
            list += ",\"parameters\":" + parameters_of(found.ast);
        else
            list += ",\"function\":" + std::to_string(found.function);
        list += "}";
    }
    return "[" + list + "]";
}

std::string registered() {
    return "{\"mutators\":" + json_of(engine::usable_mutators()) + ",\"queues\":" + engine::mutator_queues() +
           ",\"queries\":" + json_of(engine::usable_queries()) + ",\"tables\":" + engine::usable_tables() + "}";
}

}  // namespace
}  // namespace replicache::api

namespace pg = replicache::pg;

extern "C" {

PG_FUNCTION_INFO_V1(replicache_registered);
Datum replicache_registered(PG_FUNCTION_ARGS) {
    (void)fcinfo;
    return pg::entry([] { return pg::text_datum(replicache::api::registered()); });
}

}  // extern "C"
