// One-dimensional array datums from vectors, in the current memory context, and back.
#pragma once

#include "pg/datum.h"

extern "C" {
#include "utils/array.h"
}

namespace replicache::pg {

// How many elements one statement gets at most. The limit saves memory: the elements take more of it than the request that they come from.
inline constexpr std::size_t max_rows = 1000;

template <class Item, class Use>
void in_parts(std::span<Item> items, Use use) {
    while (!items.empty()) {
        const std::size_t n = std::min(max_rows, items.size());
        use(items.first(n));
        items = items.subspan(n);
    }
}

inline Datum array_datum(const std::vector<Value>& elements, Oid type, int length, bool by_value, char align) {
    return guarded([&, n = elements.size()] {
        if (n == 0) return PointerGetDatum(construct_empty_array(type));
        auto* datums = static_cast<Datum*>(palloc(sizeof(Datum) * n));
        auto* nulls = static_cast<bool*>(palloc(n));
        for (std::size_t i = 0; i < n; ++i) {
            datums[i] = elements[i].datum;
            nulls[i] = elements[i].null;
        }
        int dimensions[] = {static_cast<int>(n)};
        int lower_bounds[] = {1};
        return PointerGetDatum(construct_md_array(datums, nulls, 1, dimensions, lower_bounds, type, length, by_value, align));
    });
}

inline Datum text_array(const std::vector<Value>& texts) { return array_datum(texts, TEXTOID, -1, false, TYPALIGN_INT); }

inline Datum text_array(const std::vector<std::string>& texts) {
    std::vector<Value> elements;
    elements.reserve(texts.size());
    for (const std::string& text : texts) elements.push_back(value(text));
    return text_array(elements);
}

inline Datum int8_array(const std::vector<std::int64_t>& numbers) {
    std::vector<Value> elements;
    elements.reserve(numbers.size());
    for (const std::int64_t number : numbers) elements.push_back(value(number));
    return array_datum(elements, INT8OID, sizeof(std::int64_t), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

inline Datum oid_array(const std::vector<Oid>& oids) {
    std::vector<Value> elements;
    elements.reserve(oids.size());
    for (const Oid oid : oids) elements.push_back(value(ObjectIdGetDatum(oid)));
    return array_datum(elements, OIDOID, sizeof(Oid), true, TYPALIGN_INT);
}

// The elements of a bigint array, which has no nulls.
inline std::vector<std::int64_t> int8_elements(Datum array) {
    const ArrayType* const elements = guarded([array] { return DatumGetArrayTypeP(array); });
    const auto* const first = reinterpret_cast<const std::int64_t*>(ARR_DATA_PTR(elements));
    return {first, first + ArrayGetNItems(ARR_NDIM(elements), ARR_DIMS(elements))};
}

// The elements of a text array, which live as long as the array, or as the current memory context. Throws when one is null.
inline std::vector<std::string_view> text_views(Datum array) {
    struct Elements {
        Datum* datums;
        bool* nulls;
        int count;
    };
    const Elements elements = guarded([array] {
        Elements e{};
        deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &e.datums, &e.nulls, &e.count);
        return e;
    });
    std::vector<std::string_view> texts;
    texts.reserve(static_cast<std::size_t>(elements.count));
    for (int i = 0; i < elements.count; ++i) {
        if (elements.nulls[i]) throw SqlError(ERRCODE_NULL_VALUE_NOT_ALLOWED, "an element of the array is null");
        texts.push_back(view_of_text(elements.datums[i]));
    }
    return texts;
}

inline std::vector<std::string> text_elements(Datum array) {
    const std::vector<std::string_view> texts = text_views(array);
    return {texts.begin(), texts.end()};
}

}  // namespace replicache::pg
