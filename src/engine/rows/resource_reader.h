// Reads the rows of a resource that belong to a user, as the calling role and under the active snapshot.
#pragma once

#include "engine/rows/resource.h"
#include "engine/table/key.h"
#include "engine/table/row_watch.h"
#include "engine/table/storage.h"
#include "pg/plan.h"

namespace replicache::engine {

// Versions after one, up to another.
struct VersionRange {
    std::int64_t since;
    std::int64_t until;
    bool contains(std::int64_t version) const { return version > since && version <= until; }
};

struct ResourceRow {
    std::int64_t version;
    // JSON. id: empty when the key is composite; identity: of rows that were deleted softly, and only that
    std::string id, identity, data;
    std::string key;  // of the client-view entry
};

class ResourceReader {
public:
    ResourceReader(const Resource& resource, const Storage& storage)
        : resource_(resource),
          storage_(storage),
          from_(rows_of(resource.relation)),
          watched_{resource.relation, pg::qualified_name(resource.relation), KeyTemplate::parse(resource.key_template).columns()} {}
    ResourceReader(const ResourceReader&) = delete;
    ResourceReader& operator=(const ResourceReader&) = delete;

    // All need an open SPI connection. Rows and versions rise.
    std::vector<ResourceRow> rows(const std::string& user, VersionRange range, std::int64_t limit);
    std::vector<ResourceRow> soft_deleted(const std::string& user, VersionRange range);
    std::int64_t count(const std::string& user, VersionRange range);
    std::vector<std::int64_t> versions(const std::string& user, VersionRange range);

private:
    enum class Query : char { rows, soft_deleted, count, versions };
    std::string sql(Query query) const;
    // False: no row can be this user's.
    bool run(Query query, const std::string& user, VersionRange range, std::int64_t limit);
    std::vector<ResourceRow> read_rows();

    Resource resource_;
    Storage storage_;
    std::string from_;
    WatchedTable watched_;
    std::array<pg::Plan, 4> plans_{};
};

}  // namespace replicache::engine
