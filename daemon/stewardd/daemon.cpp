#include "daemon.hpp"

#include "api/control_server.hpp"
#include "base/host_name.hpp"
#include "base/log.hpp"
#include "cluster/directory_store.hpp"
#include "cluster/pmxcfs_store.hpp"
#include "config/digest.hpp"
#include "net/resolver.hpp"
#include "net/steady_resolver.hpp"
#include "notify.hpp"
#include "pve/credential_files.hpp"
#include "pve/https_transport.hpp"
#include "pve/write_gate.hpp"
#include "runtime/atomic_file.hpp"
#include "runtime/offload.hpp"
#include "runtime/os_random.hpp"
#include "runtime/single_instance.hpp"
#include "runtime/task_group.hpp"
#include "runtime/with_timeout.hpp"
#include "services/keeper.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <filesystem>
#include <fmt/core.h>
#include <stdexcept>
#include <sysexits.h>
#include <unistd.h>

namespace steward {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// SIGTERM must be over within 10 s (design §6); what has not unwound by then is resumed from its record.
constexpr duration farewell = 8s;

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

/// The composition root. Members are declared so that what is used outlives its users.
class daemon {
  public:
    daemon(std::string config_file, const config::settings& settings, pve::credentials who)
        : config_file_(std::move(config_file)),
          chance_(os_seed()),
          names_(net::make_cares_resolver(io_.get_executor(), time_)),
          endpoint_names_(*names_),
          probe_targets_(settings.probe_targets),
          gate_(wire_),
          pve_(gate_, time_, settings.pve.request_timeout),
          shared_(settings.who == config::daemons::per_node ? std::make_unique<shared_work>(time_, settings) : nullptr),
          single_(shared_ ? nullptr
                          : std::make_unique<directory_store>(time_, settings.state_dir, settings.guard_socket)),
          world_(io_.get_executor(), time_, chance_, pve_, store(), socket_probers(time_, *names_, probe_targets_),
                 pve::own_user(who)),
          keeper_(world_, settings, [this](bool yes) { gate_.open(yes); }),
          signals_(io_, SIGTERM, SIGINT, SIGHUP),
          tasks_(io_.get_executor()),
          attendants_(io_.get_executor()) {
        connect(settings, std::move(who));
        keeper_.foresees = true;
        if (!shared_) return;
        gate_.may_act = [this] { return shared_->lead.may_act(); };
        keeper_.join(shared_->lead);
    }

    int run() {
        int status = 1;
        std::exception_ptr error;
        auto ended = [&](std::exception_ptr e, int s) {
            error = std::move(e);
            status = s;
        };
        asio::co_spawn(io_, main(), std::move(ended));
        io_.run();
        if (error) std::rethrow_exception(error);
        return status;
    }

  private:
    [[nodiscard]] cluster_store& store() {
        if (shared_) return shared_->store;
        return *single_;
    }

    void connect(const config::settings& s, pve::credentials who) {
        pve_.expect_cluster(s.pve.name);
        wire_.replace(std::make_shared<pve::https_transport>(io_.get_executor(), time_, chance_, endpoint_names_,
                                                             endpoints_of(s.pve), std::move(who), options_of(s)));
    }

    asio::awaitable<int> main() {
        const auto started = co_await keeper_.start();
        if (!started) {
            log::error("start.failed", {{"reason", started.error().text()}});
            co_return exit_code();
        }
        auto control = api::control_server::listen(io_.get_executor(), keeper_, keeper_.settings().control_socket);
        if (!control) {
            log::error("start.failed", {{"reason", control.error().text()}});
            co_return 1;
        }
        tasks_.spawn("keeper", keep());
        tasks_.spawn("control", (*control)->serve());
        tasks_.spawn("watchdog", feed_watchdog());
        attendants_.spawn("attendant", notice_failure());
        notify::ready(summary());
        log::info("daemon.ready",
                  {{"guests", std::to_string(keeper_.settings().guests.size())}, {"file", config_file_}});
        const bool is_clean = co_await until_told_to_stop();
        notify::stopping();
        log::info("daemon.stopping", {{"in_flight", std::to_string(in_flight())}});
        if (shared_) {
            // Another daemon goes on at once, instead of after two minutes of silence.
            const auto left = co_await with_timeout(time_, farewell / 2, hand_lead_back());
            if (!left)
                log::warning("leader.not_released", {{"reason", "the guard did not answer in time: it expires"}});
        }
        tasks_.cancel();
        const auto gone = co_await with_timeout(time_, farewell, wind_down());
        if (!gone)
            log::warning("daemon.hurry",
                         {{"reason", "tasks did not end in time; they are resumed from their records"}});
        log::info("daemon.stopped");
        if (!gone) ::_exit(0);  // the records are on disk; destructors could wait for what has just not ended
        co_return is_clean ? 0 : exit_code();
    }

    /// It ends by itself only when it is no use in this cluster.
    asio::awaitable<void> keep() {
        co_await keeper_.run();
        throw std::runtime_error(keeper_.misfit() ? keeper_.misfit()->text() : "the keeper has ended");
    }

    /// systemd starts it again, unless it would end for the same reason.
    [[nodiscard]] int exit_code() const { return keeper_.misfit() ? EX_CONFIG : 1; }

    asio::awaitable<result<void>> hand_lead_back() {
        co_await shared_->lead.leave();
        co_return result<void>();
    }

    asio::awaitable<result<void>> wind_down() {
        co_await attendants_.join();  // ends when all tasks have ended
        co_await keeper_.stop();
        co_return result<void>();
    }

    /// A task that ends by itself has failed: the daemon leaves, and systemd starts it again.
    asio::awaitable<void> notice_failure() {
        try {
            co_await tasks_.join();
        } catch (const std::exception& e) {
            log::error("daemon.failed", {{"reason", e.what()}});
        }
        signals_.cancel();
    }

    /// True for SIGTERM and SIGINT, false when one of our own tasks has failed.
    asio::awaitable<bool> until_told_to_stop() {
        for (;;) {
            boost::system::error_code ec;
            const int signal = co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            if (ec || signal != SIGHUP) co_return !ec;
            co_await reload();
        }
    }

    /// A bad file changes nothing. It is read on a thread of its own: ten thousand checks take a tenth of a second, in
    /// which no probe may wait.
    asio::awaitable<void> reload() {
        notify::reloading(time_.now());
        const auto read = [this] { return config::load_file(config_file_); };
        config::loaded fresh = co_await offload(reader_, read);
        for (const auto& p : fresh.problems) log::error("config.rejected", {{"reason", to_string(p)}});
        if (fresh.problems.empty()) co_await accept(std::move(fresh.values));
        notify::ready(summary());
    }

    asio::awaitable<void> accept(config::settings fresh) {
        const time_point began = time_.now();
        auto who = read_credentials(fresh.pve);
        if (!who) {
            log::error("config.rejected", {{"reason", who.error().text()}});
            co_return;
        }
        const config::settings& old = keeper_.settings();
        if (old.who != fresh.who || old.node != fresh.node)
            log::warning("config.needs_restart", {{"key", old.who != fresh.who ? "daemons" : "node"}});
        for (const auto& [key, was, is] : {std::tuple("state_dir", old.state_dir, fresh.state_dir),
                                           std::tuple("control_socket", old.control_socket, fresh.control_socket),
                                           std::tuple("guard_socket", old.guard_socket, fresh.guard_socket)})
            if (was != is) log::warning("config.needs_restart", {{"key", key}, {"from", was}, {"to", is}});
        world_.own_user = own_user(*who);
        probe_targets_ = fresh.probe_targets;
        connect(fresh, std::move(*who));
        // Only a change of the file is an order; `steward arm` is not taken back by an unrelated reload.
        const bool changes_mode = fresh.run_mode != old.run_mode;
        const config::mode wanted = fresh.run_mode;
        if (shared_) shared_->use(fresh);
        keeper_.apply(std::move(fresh));
        const auto held = std::chrono::duration_cast<std::chrono::milliseconds>(time_.now() - began);
        // All daemons read the same change; the leader writes it down for all.
        const bool is_ours_to_say = !shared_ || shared_->lead.leader() == shared_->lead.self();
        if (changes_mode && is_ours_to_say) {
            const auto changed = co_await keeper_.set_mode(wanted);
            if (!changed) log::error("mode.unchanged", {{"reason", changed.error().text()}});
        }
        log::info("config.reloaded", {{"file", config_file_},
                                      {"guests", std::to_string(keeper_.settings().guests.size())},
                                      {"held_ms", std::to_string(held.count())}});
    }

    asio::awaitable<void> feed_watchdog() {
        const auto pause = notify::watchdog_pause();
        for (;;) {
            if (pause) notify::alive();
            notify::status(summary());
            const duration next = pause.value_or(10s);
            co_await time_.sleep_for(next);
        }
    }

    [[nodiscard]] std::size_t in_flight() const {
        std::size_t n = 0;
        for (const auto& [id, g] : keeper_.guests()) n += failover::is_in_flight(g->state().saved.at) ? 1 : 0;
        return n;
    }

    [[nodiscard]] std::string summary() const {
        std::size_t up = 0;
        for (const auto& [id, g] : keeper_.guests()) up += g->state().last == health::standing::up ? 1 : 0;
        return fmt::format("{}: {} of {} guests up, {} hand-over(s) under way", keeper_.mode_name(), up,
                           keeper_.settings().guests.size(), in_flight());
    }

    std::string config_file_;
    asio::thread_pool reader_{1};
    os_time time_;
    random_source chance_;
    asio::io_context io_{1};
    std::unique_ptr<net::resolver> names_;
    net::steady_resolver endpoint_names_;
    target_rules probe_targets_;  ///< those of the configuration in force
    current_transport wire_;
    pve::write_gate gate_;
    pve::client pve_;
    std::unique_ptr<shared_work> shared_;
    std::unique_ptr<directory_store> single_;
    keeper_world world_;
    keeper keeper_;
    asio::signal_set signals_;
    task_group tasks_;
    task_group attendants_;
};

}  // namespace

int run_daemon(const std::string& config_file, config::settings settings) {
    std::signal(SIGPIPE, SIG_IGN);
    std::error_code ec;
    std::filesystem::create_directories(settings.state_dir, ec);
    const auto only = single_instance::acquire(std::filesystem::path(settings.state_dir) / "lock");
    if (!only) {
        log::error("start.refused", {{"reason", only.error().text()}});
        return 1;
    }
    auto who = read_credentials(settings.pve);
    if (!who) {
        log::error("start.refused", {{"reason", who.error().text()}});
        return 1;
    }
    daemon one(config_file, settings, std::move(*who));
    return one.run();
}

}  // namespace steward
