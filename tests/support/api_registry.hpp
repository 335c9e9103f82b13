#pragma once
#include "pve/api/fields.hpp"
#include "pve/api/method_entry.hpp"

#include <type_traits>
#include <vector>

/// Every call of the generated API, for tests that try all of them by their tables.
namespace steward::pve::api {

class registered_call {
  public:
    const method_entry* method = nullptr;
    bool has_request = false;
    field takes;  ///< of what `make_request` makes
    void* (*make_request)() = nullptr;
    void (*end_request)(void*) = nullptr;
    bool has_result = false;
    field returns;  ///< of what `make_result` makes
    void* (*make_result)() = nullptr;
    void (*end_result)(void*) = nullptr;
};

/// Defined in the generated registry.cpp.
[[nodiscard]] const std::vector<registered_call>& all_calls();

class no_request {};

template <class Request, class Result>
registered_call row(const method_entry& method) {
    registered_call c;
    c.method = &method;
    if constexpr (!std::is_same_v<Request, no_request>) {
        c.has_request = true;
        c.takes = make_field<Request>("", 0);
        c.make_request = []() -> void* { return new Request(blank()); };
        c.end_request = [](void* r) { delete static_cast<Request*>(r); };
    }
    if constexpr (!std::is_void_v<Result>) {
        c.has_result = true;
        c.returns = make_field<Result>("", 0);
        c.make_result = []() -> void* { return new Result(); };
        c.end_result = [](void* r) { delete static_cast<Result*>(r); };
    }
    return c;
}

}  // namespace steward::pve::api
