// How a tracked table names the spaces of its rows. Either the text of a column is the space, or a template such as 'team/{team_id}' gives
// it. Templates of spaces work like templates of keys.
#pragma once

#include "engine/table/key.h"
#include "engine/table/tracked_table.h"

namespace replicache::engine {

class SpaceName {
public:
    static constexpr KeyTemplate::Use spaces{"space", "team/{team_id}"};

    // The text in the registry is a template if it has a brace, unless the table has a column of exactly this name. Throws 22023.
    static SpaceName of(const TrackedTable& table);
    // The text of this column. Parts are named like spaces.
    static SpaceName of_column(const std::string& column);

    // Neither of the two: all rows are in the space ''.
    bool is_column() const { return !template_ && !columns_.empty(); }
    bool is_template() const { return template_.has_value(); }
    std::vector<std::string> columns() const { return columns_; }
    // Only for a template.
    const KeyTemplate& as_template() const { return *template_; }

    // The texts of the columns in every row of the space. Nullopt: the space has no rows of this table.
    std::optional<std::vector<std::string>> match(std::string_view space) const;
    // The space of a row whose columns have these texts.
    std::string fill(const std::vector<std::string>& texts) const;

private:
    std::vector<std::string> columns_;
    std::optional<KeyTemplate> template_;
};

}  // namespace replicache::engine
