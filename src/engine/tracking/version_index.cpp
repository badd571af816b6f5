#include "engine/tracking/version_index.h"

#include "engine/table/space_name.h"
#include "pg/spi.h"

namespace replicache::engine {

std::vector<std::string> version_index(const TrackedTable& table) {
    std::vector<std::string> columns = SpaceName::of(table).columns();
    columns.push_back(table.version);
    return columns;
}

bool has_version_index(const TrackedTable& table) {
    static pg::Statement query(
        R"(
            SELECT i.indexrelid, a.attname::pg_catalog.text
            FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
            JOIN pg_catalog.pg_am m ON m.oid OPERATOR(pg_catalog.=) c.relam AND m.amname OPERATOR(pg_catalog.=) 'btree'
            CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts OPERATOR(pg_catalog.-) 1) AS n
            LEFT JOIN pg_catalog.pg_attribute a
                ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.attnum OPERATOR(pg_catalog.=) i.indkey[n]
            WHERE i.indrelid OPERATOR(pg_catalog.=) $1
              AND i.indisvalid
              AND i.indpred IS NULL
              AND n OPERATOR(pg_catalog.<) $2
            ORDER BY i.indexrelid, n)",
        {OIDOID, INT4OID});
    std::vector<std::string> wanted = version_index(table);
    std::sort(wanted.begin(), wanted.end() - 1);
    const pg::Rows rows = query.run({pg::value(ObjectIdGetDatum(table.relation)), pg::value(Int32GetDatum(wanted.size()))});
    for (std::uint64_t i = 0; i < rows.count();) {
        const Oid index = rows.oid(i, 1);
        std::vector<std::string> columns;
        for (; i < rows.count() && rows.oid(i, 1) == index; ++i) columns.push_back(rows.text(i, 2).value_or(""));
        std::sort(columns.begin(), columns.end() - 1);
        if (columns == wanted) return true;
    }
    return false;
}

}  // namespace replicache::engine
