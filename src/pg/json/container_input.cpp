#include "pg/json/type_input.h"

extern "C" {
#include "utils/array.h"
#include "utils/typcache.h"
}

namespace replicache::pg {
namespace {

using Token = JsonReader::Token;
using Kind = TypeInput::Kind;

struct ArrayReader {
    TypeInput* element;
    ArrayBuildState* state;
    JsonReader json;
    int element_depth = 0;     // the depth of the elements; 0: no element found yet
    int depth = 0;             // the depth of the deepest array
    int lengths[MAXDIM] = {};  // the length of arrays per depth; -1: not known yet
};

[[noreturn]] void ragged() {
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("malformed JSON array"),
                    errdetail("Multidimensional arrays must have sub-arrays with matching dimensions.")));
    pg_unreachable();
}

// Whether the type takes a JSON array as one value.
bool takes_arrays(const TypeInput* type) { return type->kind == Kind::json || type->kind == Kind::array; }

void read_element(ArrayReader& reader, Token token) {
    // The build state grows by doubling its memory, which must stay below the size of the largest array.
    constexpr int most = MaxArraySize / 2;
    if (reader.state->nelems >= most)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("array size exceeds the maximum allowed (%d)", most)));
    bool null;
    const Datum datum = read_value(reader.element, reader.json.value(token), &null);
    accumArrayResult(reader.state, datum, null, reader.element->type, CurrentMemoryContext);
}

// Reads the rest of an array of this depth. Its opening bracket has been read.
void read_dimension(ArrayReader& reader, int depth) {
    if (depth > MAXDIM)
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("number of array dimensions exceeds the maximum allowed (%d)", MAXDIM)));
    int length = 0;
    for (Token token = reader.json.next(); token != Token::end_array && token != Token::end; token = reader.json.next()) {
        CHECK_FOR_INTERRUPTS();
        ++length;
        if (token == Token::begin_array && !takes_arrays(reader.element)) {
            read_dimension(reader, depth + 1);
            continue;
        }
        if (reader.element_depth == 0) reader.element_depth = depth;
        if (reader.element_depth != depth) ragged();
        read_element(reader, token);
    }
    int& expected = reader.lengths[depth - 1];
    if (expected < 0) expected = length;
    if (expected != length) ragged();
    reader.depth = std::max(reader.depth, depth);
}

// Looks up the members of a composite type, again if the type has been altered since.
void look_up_members(TypeInput* type, TupleDesc row) {
    const std::uint64_t identifier = assign_record_type_identifier(type->base, -1);
    if (type->row_identifier == identifier) return;
    auto** members =
        static_cast<TypeInput**>(MemoryContextAllocZero(type->context, sizeof(TypeInput*) * static_cast<std::size_t>(row->natts)));
    for (int i = 0; i < row->natts; ++i) {
        const Form_pg_attribute attribute = TupleDescAttr(row, i);
        if (!attribute->attisdropped) members[i] = make_type_input(attribute->atttypid, attribute->atttypmod, type->context);
    }
    type->members = members;
    type->row_identifier = identifier;
}

int member_number(const TypeInput* type, TupleDesc row, std::string_view name) {
    for (int i = 0; i < row->natts; ++i) {
        const Form_pg_attribute attribute = TupleDescAttr(row, i);
        if (!attribute->attisdropped && name == NameStr(attribute->attname)) return i;
    }
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("type %s has no attribute \"%s\"", format_type_be(type->base), pnstrdup(name.data(), name.size()))));
    pg_unreachable();
}

}  // namespace

Datum read_array(TypeInput* type, std::string_view json) {
    ArrayReader reader{type->element, initArrayResult(type->element->type, CurrentMemoryContext, false), JsonReader(json)};
    std::fill(std::begin(reader.lengths), std::end(reader.lengths), -1);
    reader.json.next();
    read_dimension(reader, 1);
    if (reader.element_depth == 0) return PointerGetDatum(construct_empty_array(type->element->type));
    if (reader.element_depth != reader.depth) ragged();
    int lower_bounds[MAXDIM];
    std::fill(std::begin(lower_bounds), std::end(lower_bounds), 1);
    return makeMdArrayResult(reader.state, reader.depth, reader.lengths, lower_bounds, CurrentMemoryContext, false);
}

Datum read_composite(TypeInput* type, std::string_view json) {
    TupleDesc const row = lookup_rowtype_tupdesc(type->base, -1);
    look_up_members(type, row);
    const auto count = static_cast<std::size_t>(row->natts);
    auto* given = static_cast<std::string_view*>(palloc(sizeof(std::string_view) * count));
    std::fill_n(given, count, std::string_view("null"));
    JsonReader reader(json);
    reader.next();
    while (reader.next() == Token::name) {
        CHECK_FOR_INTERRUPTS();
        std::string_view& value = given[member_number(type, row, decode_string(reader.text()))];
        value = reader.value(reader.next());
    }
    auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * count));
    auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * count));
    std::fill_n(nulls, count, true);
    for (std::size_t i = 0; i < count; ++i)
        if (type->members[i] != nullptr) values[i] = read_value(type->members[i], given[i], &nulls[i]);
    const HeapTuple tuple = heap_form_tuple(row, values, nulls);
    ReleaseTupleDesc(row);
    return HeapTupleGetDatum(tuple);
}

}  // namespace replicache::pg
