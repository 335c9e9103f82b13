#pragma once
#include "cluster/cluster_store.hpp"
#include "runtime/time_source.hpp"
#include "sim/model/cluster.hpp"

#include <cstdint>
#include <functional>

namespace steward::sim {

/// A system call that writes to pmxcfs on that node: it takes a moment, and hangs while the membership changes.
[[nodiscard]] boost::asio::awaitable<void> wait_until_writable(cluster& model, time_source& time, node_name node,
                                                               duration latency = std::chrono::milliseconds(2));

/// cluster_store on the model: records and claims are files in its pmxcfs (priv/steward/…), so they outlive the service
/// that wrote them; the guard's verbs are the model's own. `node` is where the daemon runs: its quorum counts.
class model_store final : public cluster_store {
  public:
    model_store(cluster& model, time_source& time, node_name node);

    [[nodiscard]] boost::asio::awaitable<result<std::vector<stored_record>>> load_records() override;
    [[nodiscard]] boost::asio::awaitable<result<void>> save_record(std::string name, std::string text) override;
    [[nodiscard]] boost::asio::awaitable<result<bool>> claim(std::string name) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> check_parking() override;
    [[nodiscard]] boost::asio::awaitable<result<std::string>> park(guard::request what) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> unpark(guard::request what) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> relocate(guard::request what) override;
    [[nodiscard]] boost::asio::awaitable<result<std::vector<stored_record>>> load_parked() override;
    [[nodiscard]] boost::asio::awaitable<result<void>> discard(guard::request what) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> unlock(guard::request what) override;

    bool guard_answers = true;                        ///< false: `unavailable` for parking
    duration latency = std::chrono::milliseconds(2);  ///< of a write to pmxcfs (measured median)
    /// In which epoch its daemon leads; the guard refuses changes in an older one (guard/desk). Empty: there is only
    /// one.
    std::function<std::uint64_t()> leads_in;

  private:
    [[nodiscard]] boost::asio::awaitable<void> reach_store();
    [[nodiscard]] result<void> writable() const;

    cluster& model_;
    time_source& time_;
    node_name node_;
};

}  // namespace steward::sim
