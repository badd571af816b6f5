// Errors on the C++ side. We throw an SqlError ourselves. A PgError was raised by PostgreSQL. Both become PostgreSQL errors only at an
// entry point (see border.h).
#pragma once

#include "prelude.h"

namespace replicache::pg {

// Whether an error is a mistake of the server's set-up, such as a function that names a column which does not exist. When the set-up is
// corrected, the same request succeeds.
enum class Defect {
    none,
    possible,  // it may also be a mistake of the client, who has named something that never existed
    certain,
};

// An error of our own: thrown anywhere in C++, raised as a PostgreSQL error at the entry point.
struct SqlError : std::exception {
    SqlError(int sqlerrcode, std::string message, std::string detail = {}, std::string hint = {}, Defect defect = Defect::none)
        : sqlerrcode(sqlerrcode), message(std::move(message)), detail(std::move(detail)), hint(std::move(hint)), defect(defect) {}
    const char* what() const noexcept override { return message.c_str(); }

    int sqlerrcode;
    std::string message;
    std::string detail;  // empty: none
    std::string hint;    // empty: none
    Defect defect;
};

// A PostgreSQL error on its way through C++ frames. Owns its ErrorData, in a memory context of its own.
class PgError {
public:
    // Takes the error that PostgreSQL has just raised out of ErrorContext. Never raises errors: if there is no memory, it returns the
    // out-of-memory error.
    static PgError take() noexcept;
    // The same for an error of our own.
    static PgError make(const SqlError& error) noexcept;

    PgError(PgError&& other) noexcept : data_(other.data_), home_(std::exchange(other.home_, nullptr)), defect_(other.defect_) {}
    PgError& operator=(PgError&& other) noexcept;
    ~PgError();

    const ErrorData& data() const { return *data_; }
    int sqlerrcode() const { return data_->sqlerrcode; }
    Defect defect() const { return defect_; }
    // Says that the error may be the client's mistake, because it came up while input of the client was read.
    void doubt() noexcept { defect_ = std::min(defect_, Defect::possible); }
    // These never raise errors: if there is no memory, the text stays as it is.
    void set_message(const std::string& message) noexcept;
    void set_detail(const std::string& detail) noexcept;
    void set_hint(const std::string& hint) noexcept;
    // Hands the data over to ErrorContext, which frees it when the error has been handled.
    ErrorData* release() noexcept;

private:
    PgError(ErrorData* data, MemoryContext home, Defect defect) : data_(data), home_(home), defect_(defect) {}
    char* copy(const std::string& text) noexcept;

    ErrorData* data_;
    MemoryContext home_;  // null: data_ is static
    Defect defect_;
};

// Raises the error in PostgreSQL. Call it with nothing alive that has a destructor.
[[noreturn]] void raise(ErrorData* error);

}  // namespace replicache::pg
