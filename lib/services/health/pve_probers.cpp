#include "services/health/pve_probers.hpp"

#include "core/health/guest_address.hpp"
#include "runtime/with_timeout.hpp"

#include <fmt/core.h>
#include <optional>

namespace steward {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

probe_result blank(std::string why) { return probe_result(verdict::unknown, std::move(why)); }

/// What the list of guests says is enough unless the guest runs; then nothing.
std::optional<probe_result> without_asking(const health::circumstances& seen) {
    if (!seen.is_known) return blank("PVE has said nothing of it for a minute");
    if (!seen.is_node_online) return blank("its node is not online");
    if (!seen.lock.empty()) return blank(fmt::format("PVE holds the lock \"{}\" on it", seen.lock));
    if (!seen.is_running) return blank("PVE does not know whether it runs");
    if (!*seen.is_running) return probe_result(verdict::unhealthy, "stopped");
    return std::nullopt;
}

class state_prober final : public net::prober {
  public:
    state_prober(pve_sources& from, guest_id guest, duration limit) : from_(from), guest_(guest), limit_(limit) {}

    asio::awaitable<probe_result> run() override {
        if (auto plain = without_asking(from_.around(guest_))) co_return std::move(*plain);
        if (guest_.type == guest_type::ct) co_return probe_result(verdict::healthy, "running");
        node_name home = from_.home_of(guest_);
        auto question = from_.api.guest_status(std::move(home), guest_);
        const auto status = co_await with_timeout(from_.api.time(), limit_, std::move(question));
        if (!status) co_return blank("its state cannot be read: " + status.error().text());
        co_return judge(*status);
    }

  private:
    static probe_result judge(const model::guest_status& status) {
        if (status.status == model::run_state::stopped) return probe_result(verdict::unhealthy, "stopped");
        if (status.status == model::run_state::unknown) return blank("PVE does not know whether it runs");
        for (const char* bad : {"io-error", "internal-error", "guest-panicked"})
            if (status.detail == bad) return probe_result(verdict::unhealthy, bad);
        // Somebody paused it, or it is on its way: nothing that a restart would mend.
        if (!status.detail.empty() && status.detail != "running") return blank(status.detail);
        return probe_result(verdict::healthy, "running");
    }

    pve_sources& from_;
    guest_id guest_;
    duration limit_;
};

class agent_prober final : public net::prober {
  public:
    agent_prober(pve_sources& from, guest_id guest, duration limit) : from_(from), guest_(guest), limit_(limit) {}

    asio::awaitable<probe_result> run() override {
        if (guest_.type == guest_type::ct) co_return blank("containers have no agent");
        if (auto plain = without_asking(from_.around(guest_))) co_return std::move(*plain);
        const node_name home = from_.home_of(guest_);
        auto question = from_.api.ask_agent(home, guest_);
        const auto said = co_await with_timeout(from_.api.time(), limit_, std::move(question));
        if (said) co_return probe_result(verdict::healthy, "the agent answers");
        const std::string& words = said.error().detail;
        if (words.find("agent is not running") == std::string::npos)
            co_return blank("its agent cannot be asked: " + said.error().text());
        auto reading = from_.api.guest_config(home, guest_);
        const auto config = co_await with_timeout(from_.api.time(), limit_, std::move(reading));
        if (!config) co_return blank("its configuration cannot be read: " + config.error().text());
        if (!health::has_agent(*config)) co_return blank("its configuration does not say that it has an agent");
        co_return probe_result(verdict::unhealthy, "the agent does not answer");
    }

  private:
    pve_sources& from_;
    guest_id guest_;
    duration limit_;
};

class addressed_prober final : public net::prober {
  public:
    addressed_prober(pve_sources& from, guest_id guest, config::check spec,
                     std::function<std::unique_ptr<net::prober>(const config::check&)> make)
        : from_(from), guest_(guest), spec_(std::move(spec)), make_(std::move(make)) {}

    asio::awaitable<probe_result> run() override {
        if (must_learn()) co_await learn();
        if (address_.empty()) co_return blank("no address of it is known: " + problem_);
        if (!inner_ || spec_.host != address_) {
            spec_.host = address_;
            inner_ = make_(spec_);
        }
        probe_result answer = co_await inner_->run();
        answer.reason += fmt::format(" ({})", address_);
        if (answer.answer != verdict::unhealthy) co_return answer;
        is_doubtful_ = true;
        // It may long have another one.
        if (!problem_.empty())
            answer = blank(fmt::format("{}, and its address cannot be read again: {}", answer.reason, problem_));
        co_return answer;
    }

  private:
    static constexpr duration lasts = 10min;

    [[nodiscard]] bool must_learn() const {
        const auto up = from_.around(guest_).guest_up;
        const time_point now = from_.api.time().now();
        const bool was_restarted = up && now - *up > learned_;
        return address_.empty() || is_doubtful_ || was_restarted || now - learned_ >= lasts ||
               from_.home_of(guest_) != home_;
    }

    /// Leaves the address as it was when nothing can be read; `problem_` then says why.
    asio::awaitable<void> learn() {
        const node_name home = from_.home_of(guest_);
        const time_point begun = from_.api.time().now();
        problem_ = home.empty() ? "PVE does not show the guest" : "";
        if (!problem_.empty()) co_return;
        auto reading = from_.api.guest_config(home, guest_);
        const auto config = co_await with_timeout(from_.api.time(), spec_.timeout, std::move(reading));
        if (!config) {
            problem_ = config.error().text();
            co_return;
        }
        const auto given = health::configured_addresses(guest_.type, *config);
        std::optional<std::string> found;
        if (!given.empty()) {
            found = given.front();
        } else {
            auto asking = from_.api.guest_addresses(home, guest_);
            const auto seen = co_await with_timeout(from_.api.time(), spec_.timeout, std::move(asking));
            if (seen) found = usable_of(*seen);
            problem_ = seen ? "" : "its configuration gives it none, and it cannot be asked: " + seen.error().text();
        }
        if (!problem_.empty()) co_return;
        address_ = found.value_or("");
        if (!found) problem_ = "neither its configuration nor its interfaces have one that others can reach";
        home_ = home;
        learned_ = begun;
        is_doubtful_ = false;
    }

    static std::optional<std::string> usable_of(const std::vector<pve::interface_address>& all) {
        std::vector<health::seen_address> seen;
        for (const auto& a : all) seen.push_back({a.interface, a.address});
        return health::usable_address(seen);
    }

    pve_sources& from_;
    guest_id guest_;
    config::check spec_;
    std::function<std::unique_ptr<net::prober>(const config::check&)> make_;
    std::unique_ptr<net::prober> inner_;
    std::string address_;
    std::string problem_;  ///< why it could not be read when that was last tried
    node_name home_;
    time_point learned_ = time_point::min();
    bool is_doubtful_ = false;
};

}  // namespace

std::unique_ptr<net::prober> make_state_prober(pve_sources& from, guest_id guest, duration limit) {
    return std::make_unique<state_prober>(from, guest, limit);
}

std::unique_ptr<net::prober> make_agent_prober(pve_sources& from, guest_id guest, duration limit) {
    return std::make_unique<agent_prober>(from, guest, limit);
}

std::unique_ptr<net::prober> make_addressed_prober(
    pve_sources& from, guest_id guest, config::check spec,
    std::function<std::unique_ptr<net::prober>(const config::check&)> make) {
    return std::make_unique<addressed_prober>(from, guest, std::move(spec), std::move(make));
}

}  // namespace steward
