#include "engine/table/space_name.h"

namespace replicache::engine {

SpaceName SpaceName::of(const TrackedTable& table) {
    if (table.space.empty()) return {};
    const bool braces = table.space.find('{') != std::string::npos;
    if (!braces || pg::guarded([&] { return get_attnum(table.relation, table.space.c_str()) != InvalidAttrNumber; }))
        return of_column(table.space);
    SpaceName name;
    name.template_ = KeyTemplate::parse(table.space, spaces);
    name.columns_ = name.template_->columns();
    return name;
}

SpaceName SpaceName::of_column(const std::string& column) {
    SpaceName name;
    name.columns_ = {column};
    return name;
}

std::optional<std::vector<std::string>> SpaceName::match(std::string_view space) const {
    if (template_) return template_->match(space);
    if (columns_.empty()) return space.empty() ? std::optional(columns_) : std::nullopt;
    return std::vector{std::string(space)};
}

std::string SpaceName::fill(const std::vector<std::string>& texts) const {
    if (template_) return template_->fill(texts);
    return columns_.empty() ? "" : texts.front();
}

}  // namespace replicache::engine
