// A function of the database that clients call by name: a mutator or a query.
#pragma once

#include "engine/mutators/parameters.h"
#include "pg/json/json_text.h"

extern "C" {
#include "catalog/namespace.h"
}

namespace replicache::engine {

class CalledFunction {
public:
    // Throws unless the function can be used so.
    CalledFunction(Use use, Oid function);
    ~CalledFunction() { MemoryContextDelete(context_); }
    CalledFunction(const CalledFunction&) = delete;
    CalledFunction& operator=(const CalledFunction&) = delete;

    // Throws 42501 unless the calling role may execute it.
    void check_privilege() const;
    // Throws 42501 unless the calling role owns it.
    void check_owner() const;
    const std::string& signature() const { return name_; }
    // As Mutator::call.
    std::optional<pg::PgError> call(std::string_view args, std::string* result);

    // What CallGroup needs. Throws when the args do not fit.
    FunctionCallInfo arguments(std::string_view args);
    Oid oid() const { return function_; }
    bool is_strict() const { return info_.fn_strict; }
    // Whether to read the arguments calls no code that could read a table.
    bool has_safe_arguments() const { return parameters_.are_safe(); }
    // Remembers that calls must be made one by one, with this role and search_path, until the number of catalog changes is another one.
    void refuse_groups(std::uint64_t changes) { refused_ = {changes, GetUserId(), namespace_search_path}; }
    bool refuses_groups(std::uint64_t changes) const {
        const auto& [at, role, path] = refused_;
        return at == changes && role == GetUserId() && path == namespace_search_path;
    }

private:
    void look_up(Oid function);
    bool is_current();
    void look_up_again();
    FunctionCallInfo read(std::string_view args);
    void write(Datum datum, StringInfo json);

    Use use_;
    Oid function_ = InvalidOid;
    std::string name_;  // its signature
    // The version of the function that was looked up: its row in pg_proc.
    TransactionId written_by_ = InvalidTransactionId;
    ItemPointerData place_{};
    std::uint64_t seen_changes_ = 0;  // the number of function changes when the version was last checked
    MemoryContext context_;
    FmgrInfo info_;
    Parameters parameters_;
    std::tuple<std::uint64_t, Oid, std::string> refused_{};
    bool returns_json_ = false;  // or jsonb, or a domain over them
    pg::JsonWriter writer_;      // if so
};

}  // namespace replicache::engine
