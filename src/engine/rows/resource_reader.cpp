#include "engine/rows/resource_reader.h"

#include "engine/table/canonical_space.h"

namespace replicache::engine {

using pg::guarded;

std::string ResourceReader::sql(Query query) const {
    const std::string version = "t." + resource_.version;
    std::string list;
    switch (query) {
        case Query::count: list = "pg_catalog.count(*)"; break;
        case Query::versions: list = version; break;
        default:
            list = version + ", " + resource_.id + ", " +
                   (query == Query::rows ? "NULL::pg_catalog.text, " + resource_.data : resource_.identity + ", NULL::pg_catalog.text");
            for (const std::string& column : KeyTemplate::parse(resource_.key_template).columns())
                list += ", t." + pg::quote_identifier(column);
    }
    std::string text = "SELECT " + list + " FROM " + from_ + " WHERE t." + resource_.space + " OPERATOR(pg_catalog.=) $1 AND " + version +
                       " OPERATOR(pg_catalog.>) $2 AND " + version + " OPERATOR(pg_catalog.<=) $3";
    if (!resource_.deleted.empty()) text += " AND t." + resource_.deleted + (query == Query::soft_deleted ? " IS TRUE" : " IS NOT TRUE");
    if (query != Query::count) text += " ORDER BY " + version;
    return text;
}

bool ResourceReader::run(Query query, const std::string& user, VersionRange range, std::int64_t limit) {
    const auto space = space_value(resource_.space_type, user);
    if (!space) return false;
    if (storage_.is_newer_than(GetActiveSnapshot())) guarded([this] { raise_changed(resource_.relation); });
    pg::Plan& kept = plans_[static_cast<std::size_t>(query)];
    if (!kept) {
        const Oid types[] = {resource_.space_type, INT8OID, INT8OID};
        try {
            kept = pg::Plan(sql(query), types, CURSOR_OPT_GENERIC_PLAN);
        } catch (pg::PgError& error) {
            explain(error, watched_, Fault::table);
            throw;
        }
    }
    SPIPlanPtr const plan = kept.get();
    RowWatch(watched_, plan).run([&, datum = space->datum] {
        Datum values[] = {datum, Int64GetDatum(range.since), Int64GetDatum(range.until)};
        const int code = SPI_execute_plan(plan, values, nullptr, true, static_cast<long>(limit));
        if (code < 0) elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
        // The first column is the version, or a count. It is of another type when something that reading calls has altered the table.
        if (TupleDescAttr(SPI_tuptable->tupdesc, 0)->atttypid != INT8OID) raise_changed(resource_.relation);
    });
    return true;
}

std::vector<ResourceRow> ResourceReader::read_rows() {
    SPITupleTable* const table = SPI_tuptable;
    const pg::Rows rows(table, SPI_processed);
    std::vector<ResourceRow> result;
    if (rows.empty()) return result;
    AttrNumber column = 4;
    const Key key(KeyTemplate::parse(resource_.key_template), [&](const std::string&) {
        ++column;
        return Key::Column{column, SPI_gettypeid(table->tupdesc, column)};
    });
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
        const std::string_view text =
            key.text([&](AttrNumber n, bool* null) { return SPI_getbinval(table->vals[i], table->tupdesc, n, null); });
        result.push_back({.version = rows.int8(i, 1),
                          .id = rows.text(i, 2).value_or(""),
                          .identity = rows.text(i, 3).value_or("{}"),
                          .data = rows.text(i, 4).value_or("{}"),
                          .key = std::string(text)});
    }
    guarded([table] { SPI_freetuptable(table); });
    return result;
}

std::vector<ResourceRow> ResourceReader::rows(const std::string& user, VersionRange range, std::int64_t limit) {
    return limit > 0 && run(Query::rows, user, range, limit) ? read_rows() : std::vector<ResourceRow>();
}

std::vector<ResourceRow> ResourceReader::soft_deleted(const std::string& user, VersionRange range) {
    return !resource_.deleted.empty() && run(Query::soft_deleted, user, range, 0) ? read_rows() : std::vector<ResourceRow>();
}

std::int64_t ResourceReader::count(const std::string& user, VersionRange range) {
    return run(Query::count, user, range, 0) ? pg::Rows(SPI_tuptable, SPI_processed).int8(0, 1) : 0;
}

std::vector<std::int64_t> ResourceReader::versions(const std::string& user, VersionRange range) {
    std::vector<std::int64_t> result;
    if (!run(Query::versions, user, range, 0)) return result;
    const pg::Rows rows(SPI_tuptable, SPI_processed);
    for (std::uint64_t i = 0; i < rows.count(); ++i) result.push_back(rows.int8(i, 1));
    return result;
}

}  // namespace replicache::engine
