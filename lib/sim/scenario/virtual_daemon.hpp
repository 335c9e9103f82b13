#pragma once
#include "base/random.hpp"
#include "config/settings.hpp"
#include "net/steady_resolver.hpp"
#include "pve/write_gate.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "services/keeper.hpp"
#include "sim/direct_transport.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model_store.hpp"
#include "sim/scenario/model_agents.hpp"
#include "sim/scenario/model_hooks.hpp"
#include "sim/scenario/model_leases.hpp"
#include "sim/scenario/node_time.hpp"
#include "sim/scenario/virtual_guard.hpp"

#include <functional>
#include <memory>

namespace steward::sim {

/// The way to the model, with everything that changes something told to a listener before it is sent.
class witnessed_transport final : public pve::transport {
  public:
    explicit witnessed_transport(pve::transport& inner) : inner_(inner) {}
    [[nodiscard]] boost::asio::awaitable<result<pve::reply>> send(pve::request call, time_point deadline) override;
    std::function<void(const pve::request&)> on_write;
    std::function<void()> on_send;  ///< before anything is sent
    /// Whether something happens to the process between its decision and the request, and how long that takes.
    std::function<duration(const pve::request&)> delay_before;
    /// What every answer is replaced by: nobody can be reached from here.
    std::function<std::optional<int>()> code_instead;
    /// Asked before and after each request: true when the process dies right there.
    std::function<bool()> dies_here;
    time_source* time = nullptr;

  private:
    pve::transport& inner_;
};

/// The names of the nodes, as long as there is a server that knows them.
class model_names final : public net::resolver {
  public:
    explicit model_names(cluster& model) : model_(model) {}
    [[nodiscard]] boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> resolve(
        std::string name, net::address_family family, time_point deadline) override;

  private:
    cluster& model_;
};

/// A store whose user can be killed at the worst moment: after a record has been written, before anybody learns of it.
class mortal_store final : public cluster_store {
  public:
    mortal_store(cluster_store& inner, time_source& time) : inner_(inner), time_(time) {}
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

    /// Asked after each record that was written; true: whoever wrote it never hears back.
    std::function<bool(const std::string& text)> dies_after;
    /// Told of each configuration that was parked.
    std::function<void(const guard::request&)> after_park;
    /// Told of each number of a hand-over that was taken.
    std::function<void(const std::string& name)> after_claim;
    /// Asked before and after each question: true when the process dies right there.
    std::function<bool()> dies_here;

  private:
    /// For ever, when it dies here: its tasks are cancelled at the end of the moment.
    [[nodiscard]] boost::asio::awaitable<void> survive();
    /// Before and after a question.
    template <class T>
    [[nodiscard]] boost::asio::awaitable<T> outlive(boost::asio::awaitable<T> question);

    cluster_store& inner_;
    time_source& time_;
};

/// What somebody outside can see of a daemon.
class daemon_listener {
  public:
    std::function<bool(const std::string& record)> dies_after;
    std::function<bool()> dies_here;
    std::function<void(const failover::state& before, const failover::step&)> on_step;
    std::function<void(const node_name&, bool leads)> on_leadership;
    std::function<void(const pve::request&)> on_write;
    std::function<void()> on_send;
    std::function<duration(const pve::request&)> delay_before;
    std::function<std::optional<int>()> code_instead;
    std::function<void(const node_name&, const std::string& state)> on_node_state;
    std::function<void(const char* mode)> on_mode;
    std::function<void(duration)> on_stall;
    std::function<void(const guard::request&)> after_park;
    std::function<void(const std::string& name)> after_claim;
    std::function<void(const char* code, const std::string& text)> on_alert;
    std::function<model_hooks::mood(const hook_call&)> on_hook;
    ledger* book = nullptr;  ///< like the files of production it outlives the daemon
};

/// One stewardd of a simulated cluster in virtual time: the real keeper, without sockets. Destroying it is kill -9:
/// everything in memory is gone, the store stays.
class virtual_daemon {
  public:
    virtual_daemon(cluster& model, sim_time& time, node_name where, config::settings settings, prober_factory probers,
                   std::function<virtual_guard*()> guard, const std::map<node_name, model_agents::behaviour>& agents,
                   daemon_listener listener);
    /// Ends its tasks within the present moment of virtual time.
    ~virtual_daemon();
    virtual_daemon(const virtual_daemon&) = delete;
    virtual_daemon& operator=(const virtual_daemon&) = delete;

    /// Starts it, and waits until the records have been read.
    void boot();
    /// Before it boots: it will believe that it leads, although somebody else does.
    void deceive() { leases_.deceive(); }
    /// A reload.
    void apply(config::settings fresh);
    /// An operator's request: ends with the daemon.
    void spawn(std::string name, boost::asio::awaitable<void> request) {
        tasks_->spawn(std::move(name), std::move(request));
    }
    [[nodiscard]] keeper& all() { return all_; }
    [[nodiscard]] const node_name& node() const { return node_; }
    [[nodiscard]] node_time& clock() { return clock_; }
    [[nodiscard]] leadership& lead() { return lead_; }
    /// Tasks that did not end when they were told to; anything but zero is a bug.
    [[nodiscard]] std::size_t left_behind() const { return left_behind_; }
    /// It should run, and does not.
    [[nodiscard]] bool has_crashed() const { return tasks_ && tasks_->size() == 0; }
    /// Empty when it could start.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    void end();
    /// What SIGTERM does before: the lead goes back at once.
    void leave();

  private:
    [[nodiscard]] boost::asio::awaitable<void> run();

    sim_time& time_;
    node_name node_;
    node_time clock_;
    std::size_t guests_wanted_;
    std::string config_digest_;
    random_source chance_;
    model_names names_;
    net::steady_resolver endpoint_names_;
    std::unique_ptr<pve::transport> wire_;
    witnessed_transport witness_;
    pve::write_gate gate_;
    pve::client pve_;
    model_store store_;
    mortal_store mortal_;
    model_leases leases_;
    model_agents agents_;
    model_hooks hooks_;
    leadership lead_;
    keeper_world world_;
    keeper all_;
    std::unique_ptr<task_group> tasks_;
    std::size_t left_behind_ = 0;
    std::string problem_;
};

}  // namespace steward::sim
