#include "engine/upkeep/check.h"

#include "pg/own_table.h"

extern "C" {
#include "catalog/pg_authid.h"
#include "utils/acl.h"
}

namespace replicache::engine {

Findings::Findings() : caller_(GetUserId()), sees_all_(pg::guarded([this] { return has_privs_of_role(caller_, ROLE_PG_MONITOR); })) {}

bool Findings::shows(Oid owner) const {
    return sees_all_ || !OidIsValid(owner) || pg::guarded([this, owner] { return has_privs_of_role(caller_, owner); });
}

void Findings::add(Oid owner, Finding finding) {
    if (shows(owner)) findings_.push_back(std::move(finding));
}

void Findings::add(Severity severity, const char* code, const pg::Rows& rows) {
    for (std::uint64_t i = 0; i < rows.count(); ++i)
        add(rows.oid(i, 1), {severity, code, pg::required(rows.text(i, 2)), pg::required(rows.text(i, 3)), pg::required(rows.text(i, 4))});
}

std::vector<Finding> Findings::sorted() && {
    std::sort(findings_.begin(), findings_.end(), [&](const Finding& a, const Finding& b) {
        return std::tuple(a.severity, std::string_view(a.code), std::string_view(a.object), std::string_view(a.finding)) <
               std::tuple(b.severity, std::string_view(b.code), std::string_view(b.object), std::string_view(b.finding));
    });
    return std::move(findings_);
}

std::vector<Finding> check(std::optional<Oid> role) {
    const pg::SpiConnection spi;
    Findings findings;
    const Roles roles = application_roles(findings, role);
    check_tables(findings);
    check_policies(findings);
    check_mutators(findings, roles);
    check_rights(findings, roles);
    return std::move(findings).sorted();
}

}  // namespace replicache::engine
