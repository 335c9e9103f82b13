#pragma once
#include "config/settings.hpp"
#include "pve/write_gate.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "services/keeper.hpp"
#include "sim/direct_transport.hpp"
#include "sim/drive.hpp"
#include "sim/guest_prober.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/faults.hpp"
#include "sim/model_store.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

namespace steward {

/// The real keeper on a simulated three-node cluster in virtual time: the daemon without its sockets. `restart` is what
/// kill -9 and a new start are: everything in memory is gone, the store stays.
class simulated_site {
  public:
    explicit simulated_site(sim::options o = default_options(), config::settings s = default_settings())
        : settings(std::move(s)), model(std::move(o)), model_tasks_(time.io().get_executor()) {
        model_tasks_.spawn("model", sim::drive(time, model));
        boot();
    }
    ~simulated_site() {
        shut_down();
        model_tasks_.cancel();
        time.run_for(std::chrono::seconds(0));
        CHECK(time.sleepers() == 0);  // nothing is left behind
    }

    static sim::options default_options() {
        std::vector<sim::guest_options> guests;
        guests.emplace_back(guest_id(guest_type::ct, vmid(101)), node_name("n1"));
        guests.emplace_back(guest_id(guest_type::ct, vmid(102)), node_name("n2"));
        guests.emplace_back(guest_id(guest_type::vm, vmid(103)), node_name("n3"));
        sim::options o = sim::make_options(3, std::move(guests));
        const sim_time epoch;
        o.start = epoch.now();
        o.wall_start = epoch.wall_now();
        return o;
    }

    static config::settings default_settings() {
        config::settings s;
        s.run_mode = config::mode::armed;
        for (const guest_id id : {guest_id(guest_type::ct, vmid(102)), guest_id(guest_type::vm, vmid(103))}) {
            config::guest g;
            g.id = id;
            config::check c;
            c.name = "web";
            c.interval = std::chrono::seconds(10);
            g.checks.push_back(c);
            s.guests.push_back(std::move(g));
        }
        return s;
    }

    void fault(const std::string& command) {
        INFO("fault: " << command);
        REQUIRE(sim::apply_fault(model, command));
    }

    [[nodiscard]] const failover::record& record(guest_id g) const { return daemon_->all.find(g)->state().saved; }
    [[nodiscard]] failover::phase at(guest_id g) const { return record(g).at; }
    [[nodiscard]] std::string held(guest_id g) const {
        const auto& r = record(g);
        return r.at == failover::phase::held && r.held ? r.held->code : std::string();
    }
    /// Runs until the guest is in that phase, at most `limit`.
    bool reaches(guest_id g, failover::phase p, duration limit) {
        return time.run_until([&] { return at(g) == p; }, limit);
    }
    bool is_held_for(guest_id g, const std::string& code, duration limit) {
        return time.run_until([&] { return held(g) == code; }, limit);
    }
    /// Write calls that PVE has seen, as "POST /nodes/n1/lxc"; the search text may be part of one.
    [[nodiscard]] std::size_t writes(const std::string& containing = "") const {
        const auto& all = model.calls().writes;
        return static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(), [&](const std::string& w) { return w.find(containing) != std::string::npos; }));
    }
    [[nodiscard]] std::string runs_on(guest_id g) const {
        std::string out;
        for (const node_name& n : model.running_on(g)) out += (out.empty() ? "" : "+") + n.str();
        return out;
    }

    void shut_down() {
        if (!daemon_) return;
        tasks_->cancel();
        time.run_for(std::chrono::seconds(0));
        CHECK(tasks_->size() == 0);
        task_group end(time.io().get_executor());
        end.spawn("stop", daemon_->all.stop());
        time.run_for(std::chrono::seconds(0));
        CHECK(end.size() == 0);
        daemon_.reset();
        tasks_.reset();
    }
    void restart() {
        shut_down();
        boot();
    }
    keeper& all() { return daemon_->all; }

    sim_time time;
    config::settings settings;
    sim::cluster model;
    bool guard_answers = true;
    std::string warning;  ///< of every check

  private:
    class warned_prober final : public net::prober {
      public:
        warned_prober(simulated_site& site, guest_id guest) : site_(site), inner_(site.model, site.time, guest) {}
        boost::asio::awaitable<probe_result> run() override {
            probe_result out = co_await inner_.run();
            out.warning = site_.warning;
            co_return out;
        }

      private:
        simulated_site& site_;
        sim::guest_prober inner_;
    };

    struct daemon {
        explicit daemon(simulated_site& site)
            : chance(7),
              wire(site.model, site.time, sim::failover_token()),
              gate(wire),
              pve(gate, site.time, std::chrono::seconds(20)),
              store(site.model, site.time, node_name("n1")),
              world(
                  site.time.io().get_executor(), site.time, chance, pve, store,
                  [&site](guest_id g, const config::check&) -> std::unique_ptr<net::prober> {
                      return std::make_unique<warned_prober>(site, g);
                  },
                  sim::failover_token_id),
              all(world, site.settings, [this](bool yes) { gate.open(yes); }) {
            store.guard_answers = site.guard_answers;
        }
        random_source chance;
        sim::direct_transport wire;
        pve::write_gate gate;
        pve::client pve;
        sim::model_store store;
        keeper_world world;
        keeper all;
    };

    static boost::asio::awaitable<void> run(keeper& all) {
        const auto started = co_await all.start();
        CHECK(started.has_value());
        co_await all.run();
    }

    void boot() {
        daemon_ = std::make_unique<daemon>(*this);
        tasks_ = std::make_unique<task_group>(time.io().get_executor());
        tasks_->spawn("keeper", run(daemon_->all));
        // Guests exist once the records have been read.
        time.run_until([&] { return daemon_->all.guests().size() == settings.guests.size(); }, std::chrono::seconds(5));
    }

    task_group model_tasks_;
    std::unique_ptr<daemon> daemon_;
    std::unique_ptr<task_group> tasks_;
};

inline constexpr guest_id ct102{guest_type::ct, vmid(102)};
inline constexpr guest_id vm103{guest_type::vm, vmid(103)};

}  // namespace steward
