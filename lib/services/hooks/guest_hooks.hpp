#pragma once
#include "config/settings.hpp"
#include "core/failover/hooks.hpp"
#include "runtime/task_group.hpp"
#include "services/hooks/hook_runner.hpp"
#include "services/hooks/hook_words.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace steward {

class keeper_world;

/// The longest that a guest's pre hooks may take together; the machine waits so much longer.
[[nodiscard]] duration longest(const std::vector<config::hook>& hooks);

/// One guest's hooks: those before something are waited for and can forbid it, those after it run beside everything.
class guest_hooks {
  public:
    guest_hooks(keeper_world& world, guest_id guest);

    /// Runs them one after the other. Nothing: it may go on. Else `blocked` with the code hook_failed: a required one
    /// has not succeeded, and those behind it were not run.
    [[nodiscard]] boost::asio::awaitable<std::optional<failover::finished>> before(std::vector<config::hook> hooks,
                                                                                   failover::hook_event event,
                                                                                   failover::record saved);
    /// Begins those that a step calls for, if it does and Steward may act.
    void after(const config::hooks& all, const failover::record& was, const failover::record& is_now);
    /// Kills what still runs.
    [[nodiscard]] boost::asio::awaitable<void> stop();

  private:
    [[nodiscard]] boost::asio::awaitable<void> tell(std::vector<config::hook> hooks, hook_facts about);
    /// Why it did not succeed; "": it did. Logged, and in the ledger.
    [[nodiscard]] boost::asio::awaitable<std::string> run_one(config::hook hook, hook_facts about);
    void note(const config::hook& hook, const hook_facts& about, const hook_end& end, duration took);
    void raise_alert(const char* code, const std::string& text) const;
    [[nodiscard]] hook_facts facts(failover::hook_moment moment, failover::record saved) const;

    keeper_world& world_;
    guest_id guest_;
    std::unique_ptr<task_group> running_;
};

}  // namespace steward
