#pragma once
#include "runtime/time_source.hpp"
#include "services/hooks/hook_runner.hpp"

#include <functional>
#include <string>

namespace steward::sim {

/// The programs that a simulated cluster's hooks are: each takes two seconds, and does what a script says.
class model_hooks final : public hook_runner {
  public:
    enum class mood { works, fails, hangs };

    explicit model_hooks(time_source& time) : time_(time) {}
    [[nodiscard]] boost::asio::awaitable<hook_end> run(hook_call what) override;

    /// Told of each that begins; says how it behaves.
    std::function<mood(const hook_call&)> on_run;

  private:
    time_source& time_;
};

/// "pre" of STEWARD_HOOK=pre.
[[nodiscard]] std::string told(const hook_call& call, const std::string& name);

}  // namespace steward::sim
