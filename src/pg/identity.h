// As whom the extension acts. By default as the caller. These are the only places where it becomes somebody else, and
// test/layers sees to it.
//
// Code of others (casts, output functions, operators, policies, triggers) runs as the caller or, where the extension reads a table on its
// own account, as the owner of that table. It never runs as the owner of the extension, who is a superuser.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// Makes another role current until the end of the scope, as VACUUM and REINDEX do it, for superusers too: within a security-restricted
// operation (miscadmin.h), with only pg_catalog on the search_path, and settings that are changed meanwhile are put back. So an operator or
// a name that a statement forgets to qualify finds nothing of the caller's.
class AsRole {
public:
    explicit AsRole(Oid role);
    ~AsRole() { AtEOXact_GUC(false, settings_); }
    AsRole(const AsRole&) = delete;
    AsRole& operator=(const AsRole&) = delete;

private:
    struct User {
        explicit User(Oid role);
        ~User() { SetUserIdAndSecContext(user, security); }
        Oid user;
        int security;
    };
    User user_;
    int settings_;  // nest level
};

// The owner of the extension's tables. Only what is known to run nobody's code may use it.
class AsOwner {
    AsOwner();
    friend class OwnStatement;
    friend Oid find_function(const std::string& signature);
    friend void defer_constraints(const std::vector<std::pair<std::string, std::string>>& names);
    AsRole role_;
};

// The owner of a table that is read on the extension's own account.
class AsTableOwner {
public:
    explicit AsTableOwner(Relation table) : role_(table->rd_rel->relowner) {}

private:
    AsRole role_;
};

// The function of that signature, as regprocedure reads it; InvalidOid when there is none. The caller needs no USAGE on its schema:
// EXECUTE alone decides who may call it.
Oid find_function(const std::string& signature);

// SET CONSTRAINTS … DEFERRED, which runs nothing. The caller needs no USAGE on the schemas. Empty: all constraints.
void defer_constraints(const std::vector<std::pair<std::string, std::string>>& names);

}  // namespace replicache::pg
