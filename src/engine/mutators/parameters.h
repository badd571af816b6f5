// The parameters of a function that clients call. The args of the call fill them.
#pragma once

#include "pg/json/json_reader.h"
#include "pg/spi.h"

namespace replicache::engine {

// The signature of a function, for messages.
std::string signature_of(Oid function);

// What clients call a function as.
enum class Use { mutator, query };
std::string name_of(Use use);  // for messages

// Throws 42809: the function cannot be used so.
[[noreturn]] void unfit(Use use, Oid function, const std::string& problem, const std::string& hint);

// A single parameter of type json or jsonb takes the args as a whole. Otherwise each member of the args fills the parameter of its name,
// with the value that json_populate_record gives. For most types json_populate_record is not called: their input function, looked up once,
// reads the slice of the text.
class Parameters {
public:
    // Throws when the function has parameters that JSON cannot fill. Memory that is kept comes from the given context.
    void describe(Use use, Oid function, HeapTuple tuple, MemoryContext context);
    int count() const { return static_cast<int>(parameters_.size()); }
    // Whether to fill them calls no code that could read a table, or the number of a sequence: other calls may be made later.
    bool are_safe() const;

    // Fills the arguments of the call from the JSON text of the args (empty: absent). Memory comes from the current context.
    void fill(std::string_view args, FunctionCallInfo call);

private:
    struct Parameter {
        std::string name;
        Oid type;
        Node* default_value;  // null: none
        bool direct = false;  // read by its input function: no domain, composite type, range or array
        FmgrInfo input{};
        Oid input_parameter = InvalidOid;
        // The member of the current args. If a name comes twice, the last one counts.
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

    std::string function_;  // for messages: what it is used as, and its signature
    MemoryContext context_ = nullptr;
    bool whole_args_ = false;
    std::vector<Parameter> parameters_;
    TupleDesc row_ = nullptr;  // the parameters as a row type, for json_populate_record
    FmgrInfo populate_;
};

}  // namespace replicache::engine
