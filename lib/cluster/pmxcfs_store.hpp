#pragma once
#include "cluster/cluster_store.hpp"
#include "cluster/guard_client.hpp"
#include "cluster/lease_store.hpp"

#include <functional>
#include <map>
#include <string>

namespace steward {

/// What the daemons of a cluster share, through the guard of this node: records and claims as well as leases, the
/// leader's lock and epochs. Every change carries the epoch in which this daemon leads; the guard refuses it in any
/// other (`no_quorum`: nothing happened, look again).
class pmxcfs_store final : public cluster_store, public lease_store {
  public:
    /// `epoch` tells the present one; 0 while this daemon does not lead.
    pmxcfs_store(time_source& time, std::string guard_socket, std::function<std::uint64_t()> epoch);

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

  private:
    [[nodiscard]] boost::asio::awaitable<result<guard::reply>> ask(guard::verb verb, std::string name,
                                                                   std::string text = {});
    [[nodiscard]] boost::asio::awaitable<result<guard::reply>> change(guard::verb verb, guard::request what);

    guard_client guard_;
    std::function<std::uint64_t()> epoch_;
};

}  // namespace steward
