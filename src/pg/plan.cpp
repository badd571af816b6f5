#include "pg/plan.h"

namespace replicache::pg {

Plan::Plan(const std::string& sql, std::span<const Oid> types, int options) {
    plan_ = guarded([&] {
        SPIPlanPtr const plan = SPI_prepare_cursor(sql.c_str(), static_cast<int>(types.size()), const_cast<Oid*>(types.data()), options);
        if (plan == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
        SPI_keepplan(plan);
        return plan;
    });
}

}  // namespace replicache::pg
