// A prepared statement of SPI, kept until its owner lets go of it.
#pragma once

#include "pg/border.h"

extern "C" {
#include "utils/plancache.h"
}

namespace replicache::pg {

class Plan {
public:
    // An empty one.
    Plan() = default;
    // Prepares the statement, and throws what is wrong with it. Needs an open SPI connection. `types`: of the parameters. `options`:
    // CURSOR_OPT_GENERIC_PLAN and its like.
    explicit Plan(const std::string& sql, std::span<const Oid> types = {}, int options = 0);
    ~Plan() {
        if (plan_ != nullptr) SPI_freeplan(plan_);
    }
    Plan(Plan&& other) noexcept : plan_(std::exchange(other.plan_, nullptr)) {}
    Plan& operator=(Plan&& other) noexcept {
        std::swap(plan_, other.plan_);
        return *this;
    }

    explicit operator bool() const { return plan_ != nullptr; }
    SPIPlanPtr get() const { return plan_; }

    // PostgreSQL's entry for the statement, which must be a single one. Raises no errors.
    const CachedPlanSource& source() const { return *static_cast<CachedPlanSource*>(linitial(SPI_plan_get_plan_sources(plan_))); }
    // False: PostgreSQL will analyse the statement once more, because what it names has changed. Raises no errors.
    bool is_valid() const { return SPI_plan_is_valid(plan_); }

private:
    SPIPlanPtr plan_ = nullptr;
};

}  // namespace replicache::pg
