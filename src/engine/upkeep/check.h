// What is wrong with a set-up: see the comment of replicache.check(). It reads catalogs and registries, and runs no code of others.
#pragma once

#include "pg/spi.h"

namespace replicache::engine {

enum class Severity { error, warning, note };

struct Finding {
    Severity severity;
    const char* code;     // names the kind of finding
    std::string object;   // what it is about
    std::string finding;  // what is wrong with it
    std::string hint;     // what to do
};

// The findings so far. Who asks is told only of objects that they own, unless they may see all: superusers and members of pg_monitor.
class Findings {
public:
    Findings();
    bool shows(Oid owner) const;  // InvalidOid: nobody's
    void add(Oid owner, Finding finding);
    // Rows with the columns: owner, object, finding, hint.
    void add(Severity severity, const char* code, const pg::Rows& rows);
    std::vector<Finding> sorted() &&;

private:
    Oid caller_;
    bool sees_all_;
    std::vector<Finding> findings_;
};

// Whose rights are looked at.
struct Roles {
    std::vector<Oid> all, pushing, pulling;
};

// Each needs an open SPI connection.
void check_tables(Findings& findings);
void check_policies(Findings& findings);
void check_mutators(Findings& findings, const Roles& roles);
void check_rights(Findings& findings, const Roles& roles);
// See check(). Throws 42704 if there is no such role.
Roles application_roles(Findings& findings, std::optional<Oid> role);

// `role`: whose rights are looked at. Nullopt: those of every role that was granted push or pull, except superusers.
std::vector<Finding> check(std::optional<Oid> role);

}  // namespace replicache::engine
