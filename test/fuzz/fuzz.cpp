// The program: fuzz --target=NAME, and the flags of libFuzzer. It counts the memory that a target takes.
#include "fuzz.h"

#include <sanitizer/allocator_interface.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace replicache::fuzz {

namespace {

constexpr std::pair<std::string_view, void (*)(std::string_view)> targets[] = {
    {"push", push},       {"pull", pull},       {"upload", upload},           {"sync", sync}, {"zero", zero}, {"reader", reader},
    {"integer", integer}, {"queries", queries}, {"template", query_template},
};
void (*target)(std::string_view) = nullptr;

// Bytes of the heap in use since the limit was set, and the most there may be.
bool limited = false;
std::ptrdiff_t used, allowed;

void on_malloc(const volatile void*, std::size_t size) {
    if (!limited) return;
    used += static_cast<std::ptrdiff_t>(size);
    if (used <= allowed) return;
    limited = false;  // for what the report takes
    check(false, "the heap holds at most ten times the text");
}

void on_free(const volatile void* block) {
    if (limited && block != nullptr) used -= static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(const_cast<void*>(block)));
}

}  // namespace

MemoryLimit::MemoryLimit(std::string_view text) {
    constexpr std::ptrdiff_t a_little = 10'000;
    used = 0;
    allowed = static_cast<std::ptrdiff_t>(10 * text.size()) + a_little;
    limited = true;
}

MemoryLimit::~MemoryLimit() { limited = false; }

void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

std::optional<Json> json_of(std::string_view text) {
    // nlohmann/json skips a byte order mark and ends at a NUL. Neither ever gets here: a json value has none.
    if (text.starts_with("\xef\xbb\xbf") || text.find('\0') != std::string_view::npos) return std::nullopt;
    Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) return std::nullopt;
    return json;
}

void check_within(std::string_view slice, std::string_view text) {
    const char* const end = text.data() + text.size();
    check(slice.empty() || (slice.data() >= text.data() && slice.data() + slice.size() <= end), "a slice lies within the text");
}

void check_slice(std::string_view slice, const Json& object, const char* name) {
    const Json* value = member(object, name);
    if (slice.empty())
        check(value == nullptr || value->is_null(), "a member that is there is found");
    else
        check(value != nullptr && json_of(slice) == *value, "a slice is the member");
}

void check_message(std::string_view message, std::string_view text) {
    check(!message.empty() && message.size() < 400, "a message is neither empty nor long");
    const auto quoted = [](std::string_view s) { return Json(s).dump(-1, ' ', false, Json::error_handler_t::strict); };
    try {
        quoted(text);
    } catch (const Json::exception&) {
        return;
    }
    quoted(message);  // throws otherwise
}

bool has_too_many_members(std::string_view message, std::string_view text) {
    // Not where the message quotes a request that says the same.
    constexpr std::string_view reason = ": expected at most 100 members, got more";
    if (!message.ends_with(reason) || message.find(": expected") != message.size() - reason.size()) return false;
    if (message.starts_with("Expected ")) return false;  // these words of Zero's end with a quote
    const std::size_t shortest = std::string_view("\"\":1,").size();
    check(text.size() > 100 * shortest, "there are 100 members");
    return true;
}

void require(bool holds) {
    if (!holds) throw Refused();
}

const Json* member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

const Json* member_or_null(const Json& object, const char* name) {
    const Json* value = member(object, name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::string text_of(const Json* value) {
    require(value != nullptr && value->is_string());
    auto text = value->get<std::string>();
    require(text.find('\0') == std::string::npos);
    return text;
}

std::string identifier_of(const Json* value) {
    std::string text = text_of(value);
    require(!text.empty() && text.size() <= protocol::max_identifier_bytes);
    return text;
}

std::int64_t number_of(const Json* value) {
    require(value != nullptr && value->is_number_unsigned() && value->get<std::uint64_t>() <= protocol::max_safe_integer);
    return value->get<std::int64_t>();
}

}  // namespace replicache::fuzz

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
    using namespace replicache::fuzz;
    constexpr std::string_view flag = "--target=";
    for (int i = 1; i < *count; ++i)
        for (const auto& [name, function] : targets)
            if (std::string_view((*arguments)[i]) == std::string(flag) + std::string(name)) target = function;
    check(target != nullptr, "--target names a target");
    check(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0, "memory is counted");
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    // Of a, b and c with \xff between them, b is repeated: what is small enough to find is large enough then.
    constexpr std::size_t large = 8'000;
    const std::size_t first = input.find('\xff'), second = input.find('\xff', first + 1);
    if (second == std::string_view::npos || second - first < 2) {
        replicache::fuzz::target(input);
        return 0;
    }
    const std::string_view b = input.substr(first + 1, second - first - 1);
    std::string long_one(input.substr(0, first));
    for (std::size_t times = large / b.size() + 1; times > 0; --times) long_one += b;
    long_one += input.substr(second + 1);
    // In a block of its size, so that a byte too many is seen.
    const auto block = std::make_unique<char[]>(long_one.size());
    std::memcpy(block.get(), long_one.data(), long_one.size());
    replicache::fuzz::target({block.get(), long_one.size()});
    return 0;
}
