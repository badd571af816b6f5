#include "pg/border.h"

namespace replicache::pg {

ErrorData* current_exception_as_error() noexcept {
    try {
        throw;
    } catch (PgError& error) {
        return error.release();
    } catch (const SqlError& error) {
        return PgError::make(error).release();
    } catch (const std::bad_alloc&) {
        return PgError::make(SqlError(ERRCODE_OUT_OF_MEMORY, "out of memory")).release();
    } catch (const std::exception& error) {
        return PgError::make(SqlError(ERRCODE_INTERNAL_ERROR, error.what())).release();
    } catch (...) {
        return PgError::make(SqlError(ERRCODE_INTERNAL_ERROR, "unknown C++ exception")).release();
    }
}

}  // namespace replicache::pg
