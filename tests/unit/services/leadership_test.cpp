#include "services/leadership/leadership.hpp"

#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// pmxcfs as a node has it whose lock is held by somebody, and never renewed as far as this node can see.
class standing_lock final : public lease_store {
  public:
    asio::awaitable<result<std::string>> say(daemon_words) override { co_return std::string(); }
    asio::awaitable<result<lease_sight>> look() override {
        lease_sight seen;
        seen.lock = {true, "1"};
        co_return seen;
    }
    asio::awaitable<result<void>> acquire_lock(bool) override {
        ++asked;
        co_return fault(errc::exists, "lock", "another node has it");
    }
    asio::awaitable<result<void>> renew_lock() override { co_return fault(errc::exists, "lock", "not ours"); }
    asio::awaitable<result<void>> release_lock() override { co_return result<void>(); }
    asio::awaitable<result<bool>> claim_epoch(std::uint64_t) override { co_return false; }
    asio::awaitable<result<std::optional<std::string>>> read_config(node_name, guest_id) override {
        co_return std::optional<std::string>();
    }
    asio::awaitable<result<void>> write_confirmation(node_name, std::string) override { co_return result<void>(); }
    asio::awaitable<result<std::string>> read_confirmation(node_name) override { co_return std::string(); }

    int asked = 0;
};

}  // namespace

TEST_CASE("a node that was cut off has not watched the lock: its 120 s begin when it is back in the majority") {
    sim_time time;
    standing_lock store;
    leadership cluster(time, store, node_name("n1"));
    bool is_quorate = false;
    cluster.fitness = [&] { return leader::fitness{is_quorate, true}; };
    task_group tasks(time.io().get_executor());
    tasks.spawn("leadership", cluster.run());
    time.run_for(300s);
    CHECK(store.asked == 0);
    is_quorate = true;
    time.run_for(119s);
    CHECK(store.asked == 0);
    time.run_for(10s);
    CHECK(store.asked > 0);
    tasks.cancel();
    time.run_for(duration::zero());
}
