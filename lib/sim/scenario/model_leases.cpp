#include "sim/scenario/model_leases.hpp"

#include "base/key_lines.hpp"
#include "sim/model_store.hpp"
#include "sim/scenario/virtual_guard.hpp"

namespace steward::sim {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr const char* lock_name = "steward-leader";
constexpr const char* stamp_file = "priv/steward/leader";  // stands for the lock's modification time
constexpr const char* epoch_directory = "priv/steward/epoch";

}  // namespace

/// Through the guard: a system call on pmxcfs that blocks while the membership changes.
asio::awaitable<result<void>> model_leases::reach(bool to_write) {
    if (to_write) {
        co_await wait_until_writable(model_, time_, node_);
    } else {
        co_await time_.sleep_for(2ms);
        model_.advance_to(time_.now());
    }
    if (guard_() == nullptr) co_return fault(errc::unavailable, "guard", "steward-guard does not answer");
    if (to_write && !model_.is_quorate(node_)) co_return fault(errc::no_quorum, "pmxcfs", "Permission denied");
    co_return result<void>();
}

asio::awaitable<result<std::string>> model_leases::say(daemon_words words) {
    virtual_guard* guard = guard_();
    if (guard == nullptr) co_return fault(errc::unavailable, "guard", "steward-guard does not answer");
    guard->hear(std::move(words));
    co_return guard->status();
}

asio::awaitable<result<lease_sight>> model_leases::look() {
    const auto ready = co_await reach(false);
    if (!ready) co_return ready.error();
    lease_sight seen;
    auto files = tree().files_in("priv/steward/nodes");
    seen.leases.reserve(files.size());
    for (auto& [name, text] : files) seen.leases.emplace_back(std::move(name), std::move(text));
    seen.highest_epoch = highest_number(tree().list(epoch_directory));
    if (is_deceived_) {
        // One below, so that the next one is that in which somebody leads already.
        if (epoch_ == 0) epoch_ = seen.highest_epoch;
        if (seen.highest_epoch == epoch_ && epoch_ != 0) --seen.highest_epoch;
        co_return seen;
    }
    seen.lock.is_held = tree().exists(std::string("priv/lock/") + lock_name);
    seen.lock.stamp = tree().read(stamp_file).value_or("");
    co_return seen;
}

asio::awaitable<result<void>> model_leases::acquire_lock(bool ask_expiry) {
    const auto ready = co_await reach(true);
    if (!ready) co_return ready;
    if (is_deceived_) co_return result<void>();
    if (ask_expiry) {
        const auto gone = model_.request_unlock(node_, lock_name);
        if (!gone) co_return gone.error();
    }
    auto taken = model_.acquire_lock(node_, lock_name);
    if (taken)
        model_.files().tree().write(stamp_file,
                                    node_.str() + " " + std::to_string(time_.now().time_since_epoch().count()));
    co_return taken;
}

asio::awaitable<result<void>> model_leases::renew_lock() {
    const auto ready = co_await reach(true);
    if (!ready) co_return ready;
    if (is_deceived_) co_return result<void>();
    auto renewed = model_.refresh_lock(node_, lock_name);
    if (renewed)
        model_.files().tree().write(stamp_file,
                                    node_.str() + " " + std::to_string(time_.now().time_since_epoch().count()));
    co_return renewed;
}

asio::awaitable<result<void>> model_leases::release_lock() {
    const auto ready = co_await reach(true);
    if (!ready) co_return ready;
    if (is_deceived_) co_return result<void>();
    co_return model_.release_lock(node_, lock_name);
}

asio::awaitable<result<bool>> model_leases::claim_epoch(std::uint64_t epoch) {
    const auto ready = co_await reach(true);
    if (!ready) co_return ready.error();
    if (is_deceived_) co_return true;
    co_return model_.files().tree().make_directory(epoch_directory + ("/" + std::to_string(epoch)));
}

asio::awaitable<result<std::optional<std::string>>> model_leases::read_config(node_name node, guest_id guest) {
    const auto ready = co_await reach(false);
    if (!ready) co_return ready.error();
    const config_files::entry* e = model_.files(node_).find(node, guest);
    if (e == nullptr) co_return std::optional<std::string>();
    co_return std::optional<std::string>(e->text);
}

asio::awaitable<result<void>> model_leases::write_confirmation(node_name node, std::string text) {
    const auto ready = co_await reach(true);
    if (!ready) co_return ready;
    model_.files().tree().write("priv/steward/fence/" + node.str(), text);
    co_return result<void>();
}

asio::awaitable<result<std::string>> model_leases::read_confirmation(node_name node) {
    const auto ready = co_await reach(false);
    if (!ready) co_return ready.error();
    co_return tree().read("priv/steward/fence/" + node.str()).value_or("");
}

}  // namespace steward::sim
