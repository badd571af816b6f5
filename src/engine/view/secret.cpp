#include "engine/view/secret.h"

#include "pg/table.h"

extern "C" {
#include "common/hmac.h"
#include "common/sha2.h"
}

namespace replicache::engine {
namespace {

constexpr int secret_column = 3;  // of replicache.origin

std::string secret() {
    pg::Table table("origin", pg::Table::Access::read);
    if (!table.has_column(secret_column))
        throw pg::SqlError(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "replicache.origin has no secret", {},
                           "Call ALTER EXTENSION replicache_ext UPDATE.");
    if (!table.find_latest("origin")) throw pg::SqlError(ERRCODE_INTERNAL_ERROR, "replicache.origin has lost its row");
    return table.bytes(secret_column);
}

}  // namespace

std::string secret_digest(std::initializer_list<std::string_view> parts) {
    const std::string key = secret();
    std::uint8_t digest[PG_SHA256_DIGEST_LENGTH];
    pg::guarded([&, key = std::string_view(key)] {
        const auto bytes = [](std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); };
        pg_hmac_ctx* const hmac = pg_hmac_create(PG_SHA256);
        bool done = hmac != nullptr && pg_hmac_init(hmac, bytes(key), key.size()) == 0;
        for (const std::string_view part : parts) {
            const std::uint64_t length = part.size();
            done = done && pg_hmac_update(hmac, reinterpret_cast<const std::uint8_t*>(&length), sizeof length) == 0 &&
                   pg_hmac_update(hmac, bytes(part), part.size()) == 0;
        }
        done = done && pg_hmac_final(hmac, digest, sizeof digest) == 0;
        pg_hmac_free(hmac);
        if (!done) elog(ERROR, "could not compute an HMAC");
    });
    constexpr std::size_t digits = 32;
    std::string text(digits, '0');
    for (std::size_t i = 0; i < digits; ++i) text[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    return text;
}

}  // namespace replicache::engine
