// The cookie of a pull: what its reader has seen of a space, and of which history. Standard C++ only, as in batch.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace replicache {

// By this a client tells which of two cookies is newer. Numbers compare as numbers, and as text if either side is text. So above all
// numbers there are texts, above them those that begin with U+FFFF, the highest unit of JavaScript's text, then those that begin with two,
// and so on.
struct Order {
    int level = 0;  // 0: a number; else a text: as many U+FFFF, and the number in 16 digits
    std::int64_t number = 0;

    static constexpr std::int64_t max = (std::int64_t{1} << 53) - 1;                   // what JavaScript counts to
    static constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::max();  // some text: only the next level is surely above

    bool operator==(const Order&) const = default;
};

struct Cookie {
    Order order{};
    std::string_view source{};            // as the client wrote it
    std::string origin{};                 // the history that it is of, see history.h; empty: not one of ours
    std::uint64_t lsn = 0;                // where in the WAL it was given
    std::int64_t version = 0;             // up to which the reader has seen all changes; 0 where the cookie names transactions
    std::vector<std::int64_t> skipped{};  // tables (OIDs) whose rows could not be read: all of them are yet to come
    std::string confirmed{};  // the last mutation of the reader's client group that it has been told of, see pull.cpp; empty: none

    // The transactions that the reader had seen, which are those below xmax that were not in progress.
    std::int64_t xmax = 0;  // 0: the cookie names a version
    std::vector<std::int64_t> in_progress{};

    bool operator==(const Cookie&) const = default;
    bool names_transactions() const { return xmax > 0; }
    // How many transactions had ended, or the version. It rises along a history.
    std::int64_t position() const { return names_transactions() ? xmax - static_cast<std::int64_t>(in_progress.size()) : version; }
    bool has_seen(std::int64_t transaction) const {
        return transaction < xmax && std::find(in_progress.begin(), in_progress.end(), transaction) == in_progress.end();
    }
    bool has_seen_all_up_to(std::int64_t transaction) const {
        return transaction < xmax &&
               std::none_of(
                   in_progress.begin(), in_progress.end(), [transaction](std::int64_t id) { return id <= transaction; });
    }
};

// A reader of another history gets an order above its own: an offset in steps is added to the positions, and goes on from cookie to cookie.
// Steps are so large that the tabs of a client, which come with cookies of about the same order, get the same offset: then the tab whose
// order is higher has seen more.
constexpr std::int64_t order_step = std::int64_t{1} << 32;

inline Order next_level(const Order& order, std::int64_t position) { return {order.level + 1, position}; }

// Of the cookie that goes on from this one, of the same history. A cookie that names transactions may be no further by its
// position: where a reader has a transaction of its own, fewer may have ended than it was told.
inline Order order_after(const Cookie& cookie, std::int64_t position) {
    const std::int64_t theirs = cookie.order.number,
                       offset = std::max<std::int64_t>(theirs - cookie.position(), 0) / order_step * order_step;
    if (offset > Order::max - position || theirs >= Order::max) return next_level(cookie.order, position);
    return {cookie.order.level, std::max(offset + position, theirs + 1)};
}

// Of a cookie for a reader whose cookie is of another history.
inline Order order_above(const Order& theirs, std::int64_t position) {
    const std::int64_t difference = std::max<std::int64_t>(theirs.number - position, 0);
    if (difference >= Order::max - position - order_step) return next_level(theirs, position);
    return {theirs.level, (difference / order_step + 1) * order_step + position};
}

}  // namespace replicache
