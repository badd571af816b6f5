// The role as which the extension acts. By default this is the caller. The classes here are the only way to act as another role;
// test/layers checks that.
//
// Code of others (casts, output functions, operators, policies, triggers) runs as the caller or, where the extension reads a table on its
// own account, as the owner of that table. It never runs as the owner of the extension, who is a superuser.
#pragma once

#include "pg/border.h"

namespace replicache::pg {

// Makes another role current until the end of the scope, also for superusers. It does so as VACUUM and REINDEX do: within a
// security-restricted operation (miscadmin.h), and with only pg_catalog on the search_path. Settings that are changed meanwhile are put
// back. So an operator or a name that a statement forgets to qualify finds no object of the caller.
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

// Makes the owner of the extension's tables current. Only code that is known to run no code of others may use it.
class AsOwner {
    AsOwner();
    friend class OwnStatement;
    friend Oid find_function(const std::string& signature);
    friend void defer_constraints(const std::vector<std::pair<std::string, std::string>>& names);
    AsRole role_;
};

// Makes the owner of a table current, to read the table on the extension's own account.
class AsTableOwner {
public:
    explicit AsTableOwner(Relation table) : role_(table->rd_rel->relowner) {}

private:
    AsRole role_;
};

// The function with this signature, in the form that regprocedure reads. InvalidOid: there is none. The caller needs no USAGE on its
// schema. Only EXECUTE decides who may call it.
Oid find_function(const std::string& signature);

// SET CONSTRAINTS … DEFERRED, which runs no code of others. The caller needs no USAGE on the schemas. Empty: all constraints.
void defer_constraints(const std::vector<std::pair<std::string, std::string>>& names);

}  // namespace replicache::pg
