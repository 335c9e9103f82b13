#pragma once
#include "pve/schema/schema.hpp"

#include <atomic>

namespace steward::pve::api {

/// One method of the API as the generated code carries it: its facts as text, understood on first use and kept for the
/// life of the program. Only methods that a program calls are linked into it.
class method_entry {
  public:
    constexpr method_entry(const char* path, const char* facts) : path_(path), facts_(facts) {}
    method_entry(const method_entry&) = delete;
    method_entry& operator=(const method_entry&) = delete;

    [[nodiscard]] const schema::method& get() const;

  private:
    const char* path_;
    const char* facts_;
    mutable std::atomic<const schema::method*> known_{nullptr};
};

/// The same for the keys of a property string, which are written as the only parameter of a method.
class keys_entry {
  public:
    explicit constexpr keys_entry(const char* facts) : method_("/", facts) {}
    [[nodiscard]] const schema::value& get() const { return method_.get().parameters.front(); }

  private:
    method_entry method_;
};

}  // namespace steward::pve::api
