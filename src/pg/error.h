// Errors on the C++ side. SqlError is raised by us, PgError was raised by PostgreSQL; both cross into PostgreSQL at an
// entry point only (see border.h).
#pragma once

#include "prelude.h"

namespace replicache::pg {

// Whether an error is a mistake of the server's set-up, such as a function that names a column which is not there: it is mended there, and
// then what has failed succeeds.
enum class Defect {
    none,
    possible,  // or it is the client's, who has named what never was there
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
    // Takes the error that PostgreSQL has just raised out of ErrorContext. Never raises: short of memory, it becomes
    // the out-of-memory error.
    static PgError take() noexcept;
    // The same for an error of our own.
    static PgError make(const SqlError& error) noexcept;

    PgError(PgError&& other) noexcept : data_(other.data_), home_(std::exchange(other.home_, nullptr)), defect_(other.defect_) {}
    PgError& operator=(PgError&& other) noexcept;
    ~PgError();

    const ErrorData& data() const { return *data_; }
    int sqlerrcode() const { return data_->sqlerrcode; }
    Defect defect() const { return defect_; }
    // It has come up while something of the client's was read: a defect is possible at most.
    void doubt() noexcept { defect_ = std::min(defect_, Defect::possible); }
    // Never raises: short of memory, the message stays as it is.
    void set_message(const std::string& message) noexcept;
    // Hands the data over to ErrorContext, which frees it when the error has been dealt with.
    ErrorData* release() noexcept;
    // As set_message.
    void set_detail(const std::string& detail) noexcept;
    void set_hint(const std::string& hint) noexcept;

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
