#pragma once
#include "cluster/lease_store.hpp"
#include "runtime/time_source.hpp"
#include "sim/model/cluster.hpp"

#include <functional>

namespace steward::sim {

class virtual_guard;

/// lease_store on the model: what a daemon asks its node's guard for.
class model_leases final : public lease_store {
  public:
    /// `guard` tells the node's guard at this moment; null: it does not run.
    model_leases(cluster& model, time_source& time, node_name node, std::function<virtual_guard*()> guard)
        : model_(model), time_(time), node_(std::move(node)), guard_(std::move(guard)) {}

    [[nodiscard]] boost::asio::awaitable<result<std::string>> say(daemon_words words) override;
    [[nodiscard]] boost::asio::awaitable<result<lease_sight>> look() override;
    [[nodiscard]] boost::asio::awaitable<result<void>> acquire_lock(bool ask_expiry) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> renew_lock() override;
    [[nodiscard]] boost::asio::awaitable<result<void>> release_lock() override;
    [[nodiscard]] boost::asio::awaitable<result<bool>> claim_epoch(std::uint64_t epoch) override;
    [[nodiscard]] boost::asio::awaitable<result<std::optional<std::string>>> read_config(node_name node,
                                                                                         guest_id guest) override;
    [[nodiscard]] boost::asio::awaitable<result<void>> write_confirmation(node_name node, std::string text) override;
    [[nodiscard]] boost::asio::awaitable<result<std::string>> read_confirmation(node_name node) override;

    /// From now on its daemon believes whatever makes it lead, in the epoch that somebody else leads in: as if the lock
    /// had been given twice.
    void deceive() { is_deceived_ = true; }

  private:
    [[nodiscard]] boost::asio::awaitable<result<void>> reach(bool to_write);
    [[nodiscard]] const file_tree& tree() const { return model_.files(node_).tree(); }

    cluster& model_;
    time_source& time_;
    node_name node_;
    std::function<virtual_guard*()> guard_;
    bool is_deceived_ = false;
    std::uint64_t epoch_ = 0;  ///< in which it then leads
};

}  // namespace steward::sim
