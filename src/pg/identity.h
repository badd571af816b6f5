// As whom the extension acts. By default as the caller. These are the only places where it becomes somebody else, and
// test/layers sees to it.
//
// Code of others (casts, output functions, operators, policies, triggers) runs as the caller or, where the extension reads a table on its
// own account, as the owner of that table. It never runs as the owner of the extension, who is a superuser.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// Makes another role current until the end of the scope, within a security-restricted operation (miscadmin.h).
class AsRole {
public:
    explicit AsRole(Oid role);
    ~AsRole() { SetUserIdAndSecContext(user_, security_); }
    AsRole(const AsRole&) = delete;
    AsRole& operator=(const AsRole&) = delete;

private:
    Oid user_;
    int security_;
};

// The owner of the extension's tables. Only what is known to run nobody's code may use it.
class AsOwner {
    AsOwner();
    friend class OwnStatement;
    friend Oid find_function(const std::string& signature);
    friend void defer_constraints(const std::vector<std::pair<std::string, std::string>>& names);
    AsRole role_;
};

// The owner of a table that is read on the extension's own account. As VACUUM and REINDEX do, for superusers too: settings that the owner's
// code changes are put back, and only pg_catalog is on its search_path.
class AsTableOwner {
public:
    explicit AsTableOwner(Relation table);
    ~AsTableOwner();
    AsTableOwner(const AsTableOwner&) = delete;
    AsTableOwner& operator=(const AsTableOwner&) = delete;

private:
    AsRole role_;
    int settings_;  // nest level
};

// The function of that signature, as regprocedure reads it; InvalidOid when there is none. The caller needs no USAGE on its schema:
// EXECUTE alone decides who may call it.
Oid find_function(const std::string& signature);

// SET CONSTRAINTS … DEFERRED, which runs nothing. The caller needs no USAGE on the schemas. Empty: all constraints.
void defer_constraints(const std::vector<std::pair<std::string, std::string>>& names);

}  // namespace replicache::pg
