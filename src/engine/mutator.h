// Mutators: the registry, and calling one with the args of a mutation.
#pragma once

#include "pg/spi.h"

namespace replicache::engine {

// Throws unless the function can serve as a mutator.
void register_mutator(const std::string& name, Oid function);
void unregister_mutator(const std::string& name);

// A mutator ready to be called.
class Mutator {
public:
    explicit Mutator(Oid function);
    ~Mutator();
    Mutator(const Mutator&) = delete;
    Mutator& operator=(const Mutator&) = delete;

    // Throws 42501 unless the calling role may execute it.
    void check_privilege() const;
    // Calls it with the JSON text of the args (empty: absent). Its memory comes from the current context.
    void call(std::string_view args);

private:
    struct Parameter {
        std::string name;
        Oid type;
        Node* default_value;  // null: none
    };
    void describe_parameters(HeapTuple function);
    void fill_by_name(std::string_view args, FunctionCallInfo call);

    Oid function_;
    std::string name_;                   // for messages
    MemoryContext context_;
    FmgrInfo info_;
    bool whole_args_ = false;            // one parameter of type json or jsonb
    std::vector<Parameter> parameters_;
    TupleDesc row_ = nullptr;            // the parameters as a row type, for json_populate_record
    FmgrInfo populate_;
};

// The mutator of that name. Throws 42883 when there is none.
std::shared_ptr<Mutator> find_mutator(const std::string& name);

// Call once per backend.
void register_mutator_callbacks();

}  // namespace replicache::engine
