#include "pg/error.h"

#include "pg/defect.h"

namespace replicache::pg {
namespace {

// A static error, for when there is no memory to copy another one.
ErrorData* out_of_memory() {
    static ErrorData data;
    data = ErrorData{};
    data.elevel = ERROR;
    data.sqlerrcode = ERRCODE_OUT_OF_MEMORY;
    data.message = const_cast<char*>("out of memory");
    data.assoc_context = ErrorContext;
    return &data;
}

char* copy_or_null(const std::string& text) { return text.empty() ? nullptr : pstrdup(text.c_str()); }

struct Copy {
    ErrorData* data;
    MemoryContext home;
};

// Runs `copy` in a context of its own. A second error in here must not jump over the C++ frames above.
template <class F>
Copy copy_error(F copy) noexcept {
    sigjmp_buf* const outer_stack = PG_exception_stack;
    ErrorContextCallback* const outer_callbacks = error_context_stack;
    const MemoryContext outer_context = CurrentMemoryContext;
    // volatile: read again after a longjmp
    volatile MemoryContext home = nullptr;
    ErrorData* volatile data = nullptr;
    sigjmp_buf here;
    if (sigsetjmp(here, 0) == 0) {
        PG_exception_stack = &here;
        home = AllocSetContextCreate(TopMemoryContext, "replicache error", ALLOCSET_SMALL_SIZES);
        MemoryContextSwitchTo(home);
        data = copy();
    } else {
        FlushErrorState();
        data = nullptr;
    }
    PG_exception_stack = outer_stack;
    error_context_stack = outer_callbacks;
    MemoryContextSwitchTo(outer_context);
    if (data == nullptr) {
        if (home != nullptr) MemoryContextDelete(home);
        return {out_of_memory(), nullptr};
    }
    return {data, home};
}

}  // namespace

PgError PgError::take() noexcept {
    const Copy copy = copy_error([] {
        ErrorData* data = CopyErrorData();
        FlushErrorState();
        return data;
    });
    return PgError(copy.data, copy.home, defect_of(*copy.data));
}

PgError PgError::make(const SqlError& error) noexcept {
    const Copy copy = copy_error([&error] {
        auto* data = static_cast<ErrorData*>(palloc0(sizeof(ErrorData)));
        data->elevel = ERROR;
        data->sqlerrcode = error.sqlerrcode;
        data->message = pstrdup(error.message.c_str());
        data->detail = copy_or_null(error.detail);
        data->hint = copy_or_null(error.hint);
        data->domain = mark_of(error.defect);
        data->assoc_context = CurrentMemoryContext;
        return data;
    });
    return PgError(copy.data, copy.home, error.defect);
}

PgError& PgError::operator=(PgError&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(home_, other.home_);
    std::swap(defect_, other.defect_);
    return *this;
}

PgError::~PgError() {
    if (home_ != nullptr) MemoryContextDelete(home_);
}

void PgError::set_message(const std::string& message) noexcept {
    if (char* text = copy(message)) data_->message = text;
}

void PgError::set_detail(const std::string& detail) noexcept {
    if (char* text = copy(detail)) data_->detail = text;
}

void PgError::set_hint(const std::string& hint) noexcept {
    if (char* text = copy(hint)) data_->hint = text;
}

char* PgError::copy(const std::string& text) noexcept {
    if (home_ == nullptr) return nullptr;
    void* memory = MemoryContextAllocExtended(home_, text.size() + 1, MCXT_ALLOC_NO_OOM);
    return memory == nullptr ? nullptr : static_cast<char*>(std::memcpy(memory, text.c_str(), text.size() + 1));
}

ErrorData* PgError::release() noexcept {
    if (home_ != nullptr) MemoryContextSetParent(std::exchange(home_, nullptr), ErrorContext);
    return data_;
}

void raise(ErrorData* error) {
    // An error that PostgreSQL raised has a file name and its context lines. An error of our own is new, and ThrowErrorData collects its
    // context lines, such as the calling SQL function.
    if (error->filename != nullptr) ReThrowError(error);
    ThrowErrorData(error);
    pg_unreachable();
}

}  // namespace replicache::pg
