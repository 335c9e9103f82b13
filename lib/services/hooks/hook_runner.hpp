#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace steward {

class time_source;

/// One hook, ready to be run.
class hook_call {
  public:
    std::vector<std::string> command;      ///< from the configuration, word for word: nothing from outside is in it
    std::vector<std::string> environment;  ///< "STEWARD_GUEST=ct/101"
    std::string input;                     ///< one JSON object
    duration limit{};
};

/// What became of it.
class hook_end {
  public:
    std::string problem;  ///< why it did not succeed: "exit 3", "no answer within 30s"; "": it did
    bool is_timed_out = false;
    std::string output;  ///< the first 8 KiB of both streams, as it came
};

/// Runs people's own programs before and after what Steward does.
class hook_runner {
  public:
    virtual ~hook_runner() = default;
    /// Never an error: whatever happens is in hook_end. When the caller is cancelled the program is killed.
    [[nodiscard]] virtual boost::asio::awaitable<hook_end> run(hook_call what) = 0;
};

/// As programs of this machine.
class exec_hook_runner final : public hook_runner {
  public:
    static constexpr std::size_t most_output = 8U << 10U;

    explicit exec_hook_runner(time_source& time) : time_(time) {}
    [[nodiscard]] boost::asio::awaitable<hook_end> run(hook_call what) override;

  private:
    time_source& time_;
};

}  // namespace steward
