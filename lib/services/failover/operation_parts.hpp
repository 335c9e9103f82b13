#pragma once
#include "services/failover/operations.hpp"

/// Shared by operations.cpp (the guest at home) and replacement.cpp (the guest on its target).
namespace steward::failover::detail {

[[nodiscard]] finished succeeded(std::string text);
[[nodiscard]] finished failed_with(std::string text);
[[nodiscard]] finished not_known(std::string text);
/// What a fault means for an operation: did it not happen, or do we not know?
[[nodiscard]] finished from_fault(const fault& f);

/// Node clocks differ a little; what we made cannot be older than this before we began.
inline constexpr auto clock_slack = std::chrono::seconds(5);

/// One operation in the making; lives as long as its coroutine.
class worker {
  public:
    worker(operation_context& with, record saved, policy rules, bool is_resumed, operation_news news)
        : with_(with),
          saved_(std::move(saved)),
          rules_(std::move(rules)),
          is_resumed_(is_resumed),
          news_(std::move(news)) {}

    [[nodiscard]] boost::asio::awaitable<finished> restart();
    [[nodiscard]] boost::asio::awaitable<finished> claim();
    [[nodiscard]] boost::asio::awaitable<finished> stop();
    [[nodiscard]] boost::asio::awaitable<finished> fence();
    [[nodiscard]] boost::asio::awaitable<result<bool>> is_home_again();
    [[nodiscard]] boost::asio::awaitable<finished> still_stopped();
    [[nodiscard]] boost::asio::awaitable<finished> isolate();
    [[nodiscard]] boost::asio::awaitable<finished> roll_back();
    [[nodiscard]] boost::asio::awaitable<finished> start_at_home();

    [[nodiscard]] boost::asio::awaitable<finished> look_at_target();
    [[nodiscard]] boost::asio::awaitable<finished> restore();
    [[nodiscard]] boost::asio::awaitable<finished> clean();
    [[nodiscard]] boost::asio::awaitable<finished> start();
    [[nodiscard]] boost::asio::awaitable<finished> migrate();

  private:
    enum class place { free, ours_running, ours_complete, ours_broken, home, foreign };
    class findings {
      public:
        place what = place::free;
        std::string text;
        upid task;  ///< ours_running
    };

    pve::client& pve() { return with_.pve; }
    time_source& time() { return with_.pve.time(); }
    guest_id guest() const { return saved_.guest; }

    /// Follows a task that was just posted (or could not be).
    boost::asio::awaitable<finished> follow(result<upid> posted, duration limit, duration stall);
    /// Bytes, of the storage that is being filled; nothing when they are not known.
    [[nodiscard]] boost::asio::awaitable<std::optional<std::uint64_t>> free_where_it_goes();
    /// Asks for `wanted` until it is so, or until `limit` has passed.
    boost::asio::awaitable<finished> settle(node_name node, model::run_state wanted, duration limit);
    boost::asio::awaitable<finished> start_on(node_name node);
    /// A backup of the guest at home, right before it is stopped, when the policy wants one (fresh_backup.cpp).
    boost::asio::awaitable<finished> back_up();
    boost::asio::awaitable<result<model::backup>> fresh_archive(wall_time since);
    boost::asio::awaitable<finished> stop_at_home();
    boost::asio::awaitable<finished> shut_down(node_name node);
    boost::asio::awaitable<finished> verified_stopped(node_name node);
    boost::asio::awaitable<result<upid>> running_task(node_name node, std::string type);
    boost::asio::awaitable<result<findings>> inspect_target();
    boost::asio::awaitable<result<upid>> begin_migration();
    /// Waits for the proof that an unreachable node runs nothing; `failed` when it is back.
    boost::asio::awaitable<finished> proven_fenced(node_name node, std::string boot_at_claim);
    boost::asio::awaitable<finished> leave_dead_target();
    /// What a killed worker leaves: a guest that is locked (create), and disks that nothing names (left_behind.cpp).
    boost::asio::awaitable<finished> unlock_left_behind();
    boost::asio::awaitable<std::string> free_left_disks(model::guest_config named, wall_time since);
    [[nodiscard]] guard::request guard_request(guard::verb what) const;

    operation_context& with_;
    record saved_;
    policy rules_;
    bool is_resumed_;
    operation_news news_;
};

}  // namespace steward::failover::detail
