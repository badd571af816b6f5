// The parameters of a mutator, and what fills them from the args of a mutation.
#pragma once

#include "pg/json_reader.h"
#include "pg/spi.h"

namespace replicache::engine {

// The signature of a function, for messages.
std::string signature_of(Oid function);

// Throws 42809: the function cannot be a mutator.
[[noreturn]] void unfit(Oid function, const std::string& problem, const std::string& hint);

// One parameter of type json or jsonb takes the args whole; any others are filled by name, each with what
// json_populate_record makes of the member. Most types need not go that way: their input function, looked up once, reads the
// slice of the text.
class Parameters {
public:
    // Throws when the function has parameters that no JSON can fill. What is kept lives in the given context.
    void describe(Oid function, HeapTuple tuple, MemoryContext context);
    int count() const { return static_cast<int>(parameters_.size()); }

    // From the JSON text of the args (empty: absent). Memory comes from the current context.
    void fill(std::string_view args, FunctionCallInfo call);

private:
    struct Parameter {
        std::string name;
        Oid type;
        Node* default_value;  // null: none
        bool direct = false;  // by its input function: neither a domain, nor composite, nor an array
        FmgrInfo input{};
        Oid input_parameter = InvalidOid;
        // What the args at hand have for it; of equal names the last counts.
        bool given = false;
        pg::JsonReader::Token token{};
        std::string_view value{};
    };
    void prepare(Parameter& parameter);
    void fill_whole(std::string_view args, FunctionCallInfo call);
    Parameter& find(std::string_view member);
    void read(std::string_view args);
    void read_names(std::string_view args);
    void check_missing() const;
    static Datum input(Parameter& parameter);
    void fill_each(FunctionCallInfo call);
    void populate(std::string_view args, FunctionCallInfo call) const;

    std::string function_;  // for messages
    MemoryContext context_ = nullptr;
    bool whole_args_ = false;
    std::vector<Parameter> parameters_;
    TupleDesc row_ = nullptr;  // the parameters as a row type, for json_populate_record
    FmgrInfo populate_;
};

}  // namespace replicache::engine
