// How a tracked table names the spaces of its rows: by a column, whose text is the space, or by a template such as 'team/{team_id}', which
// is made and encoded as those of keys are.
#pragma once

#include "engine/table/key.h"
#include "engine/table/tracked_table.h"

namespace replicache::engine {

class SpaceName {
public:
    static constexpr KeyTemplate::Use spaces{"space", "team/{team_id}"};

    // What the registry has. With a brace it is a template, unless the table has a column of exactly this name. Throws 22023.
    static SpaceName of(const TrackedTable& table);

    // Neither: then all rows are in the space ''.
    bool is_column() const { return !template_ && !columns_.empty(); }
    bool is_template() const { return template_.has_value(); }
    std::vector<std::string> columns() const { return columns_; }
    // Of a template.
    const KeyTemplate& as_template() const { return *template_; }

    // The texts that the columns have in each row of the space; nullopt: it has none of this table.
    std::optional<std::vector<std::string>> match(std::string_view space) const;
    // The space of a row whose columns have these texts.
    std::string fill(const std::vector<std::string>& texts) const;

private:
    std::vector<std::string> columns_;
    std::optional<KeyTemplate> template_;
};

}  // namespace replicache::engine
