#pragma once
#include <string>

namespace steward::log {

/// What everything that is logged in this scope is about: it is told as the field `cluster` of each event. Scopes nest;
/// each thread has its own. `name` outlives the scope. Never held across a co_await: see runtime/labelled_executor.hpp.
class subject {
  public:
    explicit subject(const std::string& name) noexcept;
    ~subject();
    subject(const subject&) = delete;
    subject& operator=(const subject&) = delete;

  private:
    const std::string* before_;
};

}  // namespace steward::log
