// The cookie of a pull: which changes of a space its reader has seen, and of which history. Standard C++ only, like batch.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace replicache {

// A client compares the orders of two cookies to see which one is newer. Two numbers compare as numbers; if either side is text, both
// compare as text. U+FFFF is the highest unit of JavaScript's text. So a text that begins with U+FFFF is above all numbers and all other
// texts, a text that begins with two of them is above that, and so on.
struct Order {
    int level = 0;  // 0: a number; otherwise a text of as many U+FFFF and the number in 16 digits
    std::int64_t number = 0;

    static constexpr std::int64_t max = (std::int64_t{1} << 53) - 1;                   // the highest exact integer of JavaScript
    static constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::max();  // another text: only the next level is above it

    bool operator==(const Order&) const = default;
};

// What a client has of the private tables: a recorded set of keys, and what came to it and went from it since. Texts, as on the wire.
struct CookieView {
    std::string record{};  // its id, see engine/view/record.h; empty: the empty set
    std::string plus{};    // packed keys (packed_keys.h) in base64
    std::string minus{};
    std::string seal{};  // shows that this server has written the other members

    bool operator==(const CookieView&) const = default;
};

// How far a complete pull in pages is. The other members of its cookie say where it began.
struct CookiePage {
    static constexpr std::int64_t all_tables = std::numeric_limits<std::uint32_t>::max();

    std::int64_t table = 0;  // OID of a table; the rows of tables with lower OIDs have been sent
    std::string after{};     // key of the last row of the table that has been sent; empty: none
    std::int64_t at = 0;     // the position of the page

    bool operator==(const CookiePage&) const = default;
};

struct Cookie {
    Order order{};
    std::string_view source{};            // as the client wrote it
    std::string origin{};                 // the history that it belongs to, see engine/space/history.h; empty: not one of our cookies
    std::uint64_t lsn = 0;                // the position in the WAL at which it was given
    std::int64_t version = 0;             // the reader has seen all changes up to it; 0 where the cookie names transactions
    std::vector<std::int64_t> skipped{};  // OIDs of tables whose rows could not be read: the reader still needs all of them
    std::string confirmed{};  // the last confirmed mutation of the reader's client group, see engine/pull/confirmed.h; empty: none

    // The reader has seen the transactions below xmax that were not in progress.
    std::int64_t xmax = 0;  // 0: the cookie names a version
    std::vector<std::int64_t> in_progress{};

    std::optional<CookieView> view{};  // of a space with private tables
    std::optional<CookiePage> page{};  // null: the client has all
    std::int64_t at = 0;               // the version and the number of ended transactions together, where orders follow snapshots

    bool operator==(const Cookie&) const = default;
    bool names_transactions() const { return xmax > 0; }
    // How many transactions had ended, or the version, or both together. It rises within a history.
    std::int64_t position() const {
        if (names_transactions()) return xmax - static_cast<std::int64_t>(in_progress.size());
        return at > 0 ? at : version;
    }
    bool has_seen(std::int64_t transaction) const {
        return transaction < xmax && std::find(in_progress.begin(), in_progress.end(), transaction) == in_progress.end();
    }
    bool has_seen_all_up_to(std::int64_t transaction) const {
        return transaction < xmax &&
               std::none_of(
                   in_progress.begin(), in_progress.end(), [transaction](std::int64_t id) { return id <= transaction; });
    }
};

// A reader whose cookie is of another history gets an order above its own. For this, an offset is added to the positions, and later cookies
// keep the offset. The offset is a multiple of this step. The step is large, so that the tabs of a client, whose cookies have similar
// orders, get the same offset. Then the tab with the higher order has seen more.
constexpr std::int64_t order_step = std::int64_t{1} << 32;

inline Order next_level(const Order& order, std::int64_t position) { return {order.level + 1, position}; }

// The order of the cookie that follows this one, in the same history. If cookies name transactions, the position need not be higher: while
// a reader has a transaction of its own, fewer transactions may have ended than its cookie says.
inline Order order_after(const Cookie& cookie, std::int64_t position) {
    const std::int64_t theirs = cookie.order.number, difference = std::max<std::int64_t>(theirs - cookie.position(), 0);
    // Rounded up where there is room, because the order of a page can be lower than its position.
    std::int64_t offset = (difference + order_step / 2) / order_step * order_step;
    if (offset > Order::max - position) offset = difference / order_step * order_step;
    if (offset > Order::max - position || theirs >= Order::max) return next_level(cookie.order, position);
    return {cookie.order.level, std::max(offset + position, theirs + 1)};
}

// The order of the cookie of an answer that has further pages. It rises by little, so that it stays below those of clients that have
// all: they must not take over the state of one that has not.
inline Order order_of_page(const std::optional<Cookie>& cookie) { return cookie ? order_after(*cookie, 0) : Order{.number = 1}; }

// The order of a cookie for a reader whose own cookie is of another history.
inline Order order_above(const Order& theirs, std::int64_t position) {
    const std::int64_t difference = std::max<std::int64_t>(theirs.number - position, 0);
    if (difference >= Order::max - position - order_step) return next_level(theirs, position);
    return {theirs.level, (difference / order_step + 1) * order_step + position};
}

}  // namespace replicache
