#include "cluster_site.hpp"

#include "base/host_name.hpp"
#include "base/log.hpp"
#include "cluster/directory_store.hpp"
#include "cluster/pmxcfs_store.hpp"
#include "config/digest.hpp"
#include "pve/credential_files.hpp"
#include "pve/https_transport.hpp"
#include "pve/write_gate.hpp"
#include "runtime/task_group.hpp"
#include "runtime/with_timeout.hpp"

#include <filesystem>
#include <fmt/core.h>
#include <stdexcept>
#include <tuple>

namespace steward {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

result<pve::credentials> read_credentials(const config::cluster& c) {
    pve::credential_files files;
    files.token_file = c.token_file;
    files.user = c.user;
    files.password_file = c.password_file;
    files.totp_file = c.totp_file;
    return pve::read_credentials(files);
}

std::vector<net::http_endpoint> endpoints_of(const config::cluster& c) {
    std::vector<net::http_endpoint> out;
    for (const config::endpoint& e : c.endpoints) {
        net::http_endpoint to(e.host, e.port);
        to.trust.ca_file = c.ca_file;
        to.trust.fingerprints = c.fingerprints;
        to.trust.insecure = c.insecure;
        out.push_back(std::move(to));
    }
    return out;
}

void log_exchange(const pve::wire_record& r) {
    std::vector<log::field> fields = {{"method", r.method},
                                      {"path", r.path},
                                      {"status", std::to_string(r.status)},
                                      {"reason", r.reason},
                                      {"sent", std::to_string(r.sent)},
                                      {"received", std::to_string(r.received)},
                                      {"took", format_duration(std::chrono::floor<std::chrono::milliseconds>(r.took))},
                                      {"endpoint", r.endpoint}};
    for (const auto& [name, text] : {std::pair("params", r.params), {"headers", r.headers}, {"answer", r.answer}})
        if (!text.empty()) fields.emplace_back(name, text);
    log::info("pve.wire", std::move(fields));
}

pve::https_options options_of(const config::settings& s) {
    pve::https_options out;
    out.limits.in_flight = static_cast<std::size_t>(s.pve.calls_in_flight);
    out.limits.per_second = static_cast<std::size_t>(s.pve.calls_per_second);
    if (s.log_wire != config::wire_log::off) out.trace.sink = log_exchange;
    out.trace.bodies = s.log_wire == config::wire_log::bodies;
    return out;
}

/// The transport of the moment: a reload may bring other endpoints or credentials while calls are under way.
class current_transport final : public pve::transport {
  public:
    void replace(std::shared_ptr<pve::https_transport> with) { inner_ = std::move(with); }
    asio::awaitable<result<pve::reply>> send(pve::request call, time_point deadline) override {
        const auto used = inner_;
        auto got = co_await used->send(std::move(call), deadline);
        co_return got;
    }
    asio::awaitable<result<pve::reply>> stream(pve::request call, pve::streams with) override {
        const auto used = inner_;
        auto got = co_await used->stream(std::move(call), std::move(with));
        co_return got;
    }

  private:
    std::shared_ptr<pve::https_transport> inner_;
};

/// What a daemon has that shares its work with those of the other nodes.
class shared_work {
  public:
    shared_work(time_source& time, const config::settings& s)
        : store(time, s.guard_socket, [this] { return lead.leads_in(); }),
          lead(time, store, node_name(s.node.empty() ? host_name() : s.node)),
          agents(time) {
        // Its clock counts from the node's boot.
        lead.node_booted = time_point{};
        use(s);
        lead.agents = &agents;
    }
    /// What a reload may change.
    void use(const config::settings& s) {
        lead.config_digest = config::guests_digest(s);
        agents.use(s.agents);
    }
    pmxcfs_store store;
    leadership lead;
    exec_fence_agents agents;
};

/// Members are declared so that what is used outlives its users.
class https_site final : public cluster_site {
  public:
    https_site(site_surroundings around, const config::settings& settings, pve::credentials who)
        : around_(around),
          probe_targets_(settings.probe_targets),
          gate_(wire_),
          pve_(gate_, around.time, settings.pve.request_timeout),
          shared_(settings.who == config::daemons::per_node ? std::make_unique<shared_work>(around.time, settings)
                                                            : nullptr),
          single_(shared_ ? nullptr
                          : std::make_unique<directory_store>(around.time, settings.state_dir, settings.guard_socket)),
          world_(around.executor, around.time, around.chance, pve_, store(),
                 socket_probers(around.time, around.names, probe_targets_), pve::own_user(who)),
          keeper_(world_, settings, [this](bool yes) { gate_.open(yes); }),
          tasks_(around.executor) {
        connect(settings, std::move(who));
        keeper_.foresees = true;
        if (!shared_) return;
        gate_.may_act = [this] { return shared_->lead.may_act(); };
        keeper_.join(shared_->lead);
    }

    keeper& all() override { return keeper_; }

    asio::awaitable<result<void>> begin() override {
        auto started = co_await keeper_.start();
        if (!started) co_return started;
        tasks_.spawn("keeper", keep());
        co_return result<void>();
    }

    asio::awaitable<std::string> failure() override {
        std::string why = "its tasks have ended";
        try {
            co_await tasks_.join();
        } catch (const boost::system::system_error& e) {
            if (e.code() == asio::error::operation_aborted) throw;
            why = e.what();
        } catch (const std::exception& e) {
            why = e.what();
        }
        co_return why;
    }

    asio::awaitable<duration> accept(config::settings fresh) override {
        const time_point began = around_.time.now();
        auto who = read_credentials(fresh.pve);
        if (!who) {
            log::error("config.rejected", {{"reason", who.error().text()}});
            co_return duration::zero();
        }
        warn_of_what_needs_a_restart(fresh);
        world_.own_user = own_user(*who);
        probe_targets_ = fresh.probe_targets;
        connect(fresh, std::move(*who));
        // Only a change of the file is an order; `steward arm` is not taken back by an unrelated reload.
        const bool changes_mode = fresh.run_mode != keeper_.settings().run_mode;
        const config::mode wanted = fresh.run_mode;
        if (shared_) shared_->use(fresh);
        keeper_.apply(std::move(fresh));
        const duration held = around_.time.now() - began;
        // All daemons read the same change; the leader writes it down for all.
        const bool is_ours_to_say = !shared_ || shared_->lead.leader() == shared_->lead.self();
        if (!changes_mode || !is_ours_to_say) co_return held;
        const auto changed = co_await keeper_.set_mode(wanted);
        if (!changed) log::error("mode.unchanged", {{"reason", changed.error().text()}});
        co_return held;
    }

    asio::awaitable<bool> end(duration limit) override {
        if (shared_) {
            // Another daemon goes on at once, instead of after two minutes of silence.
            const auto left = co_await with_timeout(around_.time, limit / 2, hand_lead_back());
            if (!left)
                log::warning("leader.not_released", {{"reason", "the guard did not answer in time: it expires"}});
        }
        tasks_.cancel();
        const auto gone = co_await with_timeout(around_.time, limit, wind_down());
        co_return gone.has_value();
    }

  private:
    [[nodiscard]] cluster_store& store() {
        if (shared_) return shared_->store;
        return *single_;
    }

    void connect(const config::settings& s, pve::credentials who) {
        pve_.expect_cluster(s.pve.name);
        wire_.replace(std::make_shared<pve::https_transport>(around_.executor, around_.time, around_.chance,
                                                             around_.endpoint_names, endpoints_of(s.pve),
                                                             std::move(who), options_of(s)));
    }

    void warn_of_what_needs_a_restart(const config::settings& fresh) const {
        const config::settings& old = keeper_.settings();
        if (old.who != fresh.who || old.node != fresh.node)
            log::warning("config.needs_restart", {{"key", old.who != fresh.who ? "daemons" : "node"}});
        for (const auto& [key, was, is] : {std::tuple("state_dir", old.state_dir, fresh.state_dir),
                                           std::tuple("control_socket", old.control_socket, fresh.control_socket),
                                           std::tuple("guard_socket", old.guard_socket, fresh.guard_socket)})
            if (was != is) log::warning("config.needs_restart", {{"key", key}, {"from", was}, {"to", is}});
    }

    /// It ends by itself only when it is no use in this cluster.
    asio::awaitable<void> keep() {
        co_await keeper_.run();
        throw std::runtime_error(keeper_.misfit() ? keeper_.misfit()->text() : "the keeper has ended");
    }

    asio::awaitable<result<void>> hand_lead_back() {
        co_await shared_->lead.leave();
        co_return result<void>();
    }

    asio::awaitable<result<void>> wind_down() {
        (void)co_await failure();  // of the tasks that were just cancelled, or of one that failed before: both are over
        co_await keeper_.stop();
        co_return result<void>();
    }

    site_surroundings around_;
    target_rules probe_targets_;  ///< those of the configuration in force
    current_transport wire_;
    pve::write_gate gate_;
    pve::client pve_;
    std::unique_ptr<shared_work> shared_;
    std::unique_ptr<directory_store> single_;
    keeper_world world_;
    keeper keeper_;
    task_group tasks_;
};

}  // namespace

result<std::unique_ptr<cluster_site>> cluster_site::make(site_surroundings around, config::settings settings) {
    auto who = read_credentials(settings.pve);
    if (!who) return who.error();
    std::error_code ec;
    std::filesystem::create_directories(settings.state_dir, ec);
    return std::unique_ptr<cluster_site>(std::make_unique<https_site>(around, settings, std::move(*who)));
}

std::size_t cluster_site::in_flight() {
    std::size_t n = 0;
    for (const auto& [id, g] : all().guests()) n += failover::is_in_flight(g->state().saved.at) ? 1 : 0;
    return n;
}

std::string cluster_site::summary() {
    std::size_t up = 0;
    for (const auto& [id, g] : all().guests()) up += g->state().last == health::standing::up ? 1 : 0;
    return fmt::format("{}: {} of {} guests up, {} hand-over(s) under way", all().mode_name(), up,
                       all().guests().size(), in_flight());
}

}  // namespace steward
