#pragma once
#include "base/random.hpp"
#include "cluster/cluster_store.hpp"
#include "config/settings.hpp"
#include "core/failover/machine.hpp"
#include "core/health/excuse.hpp"
#include "core/health/history.hpp"
#include "pve/client.hpp"
#include "runtime/mailbox.hpp"
#include "runtime/task_group.hpp"
#include "services/failover/operations.hpp"
#include "services/health/check_board.hpp"
#include "services/health/probers.hpp"
#include "services/health/pve_probers.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace steward {

class leadership;

/// What all guests share. Owned by the composition root; outlives every keeper.
class keeper_world {
  public:
    keeper_world(boost::asio::any_io_executor ex, time_source& t, random_source& r, pve::client& p, cluster_store& s,
                 prober_factory f, std::string user)
        : executor(std::move(ex)),
          time(t),
          chance(r),
          pve(p),
          store(s),
          make_prober(std::move(f)),
          sources(p),
          own_user(std::move(user)) {}

    boost::asio::any_io_executor executor;
    time_source& time;
    random_source& chance;
    pve::client& pve;
    cluster_store& store;
    prober_factory make_prober;
    pve_sources sources;   ///< of checks that look through PVE
    std::string own_user;  ///< our name in UPIDs
    bool armed = false;
    bool is_disarming = false;  ///< armed only for what is under way already: it comes to its end
    /// What the guest's node says it goes down for; empty: nobody listens.
    std::function<std::optional<failover::leave_notice>(guest_id)> leaving;
    leadership* lead = nullptr;  ///< null: a single instance, which always leads
    /// Why so much fails at once that nobody is to be believed; empty: it does not. Empty function: nobody counts.
    std::function<std::string()> storm;
    /// Why nothing may be begun for a guest: somebody paused it, its node or everything. Empty function: nobody can.
    std::function<std::optional<failover::refusal>(guest_id)> paused;
    /// Nodes that nothing may be brought to.
    std::function<std::set<node_name>()> closed;
    /// The restores of all other guests. Empty function: there are no others.
    std::function<failover::traffic(guest_id)> traffic;
    /// Where the replacements of all other guests are being brought, or have just come. Empty function: there are none.
    std::function<std::map<guest_id, node_name>(guest_id)> bound;
    /// Memory that the replacements of all other guests will still take, by node. Empty function: there are none.
    std::function<std::map<node_name, std::uint64_t>(guest_id)> reserved;
    /// Told when a restore no longer keeps others waiting.
    std::function<void()> on_turn_free;
    /// Where a guest is, as last seen; empty: not known.
    std::function<node_name(guest_id)> home_of;
    /// What PVE says of a guest and its node that may excuse bad answers. Empty function: nobody asks it.
    std::function<health::circumstances(guest_id)> around;
    /// Whether it was asked since then. Empty function: that does not matter.
    std::function<bool(time_point)> has_looked_since;
    /// The checks that checks of guests may have as parents; null: there are none.
    check_board* gateways = nullptr;
    /// Told when a node is online, offline, in maintenance … anew, as this daemon sees it; empty: nobody listens.
    std::function<void(const node_name& node, const std::string& state)> on_node_state;
    /// Told "armed", "observe" or "disarming" when somebody changes the mode, and when it has come to that; empty:
    /// nobody listens.
    std::function<void(const char* mode)> on_mode;
    /// Told of every step of every guest, before it is written down; empty: nobody listens.
    std::function<void(const failover::state& before, const failover::step& next)> on_step;
};

/// One guest: runs its checks, feeds the failover machine, writes each record before carrying out its effects.
class guest_keeper {
  public:
    guest_keeper(keeper_world& world, config::guest settings, failover::state first);
    ~guest_keeper();
    guest_keeper(const guest_keeper&) = delete;
    guest_keeper& operator=(const guest_keeper&) = delete;

    /// Runs until cancelled. `is_resumed`: the state comes from a record of an earlier life.
    [[nodiscard]] boost::asio::awaitable<void> run(bool is_resumed);
    /// Cancels everything that `run` started and waits for it; call after `run` has ended.
    [[nodiscard]] boost::asio::awaitable<void> stop();

    /// Another daemon leads: only its checks go on. What was under way here is dropped, not undone.
    void follow();
    /// This daemon leads now, and goes on from the record that the last one left; without one the guest is new.
    void take_over(failover::state from, bool is_resumed);
    /// While following: what the leader has written down, for whoever asks this daemon.
    void show(failover::record saved);
    [[nodiscard]] bool is_following() const { return is_following_; }
    /// What this daemon's own checks say.
    [[nodiscard]] health::summary own_view() const { return board_.summary(settings_.required); }
    /// The same without its reason.
    [[nodiscard]] health::standing own_standing() const { return board_.standing(settings_.required); }

    /// What it tells the others: a guest whose checks begin to work again is not said to be down.
    [[nodiscard]] health::standing vote() const { return board_.vote(settings_.required); }
    /// Sees to it that all checks were made once since then; true when they were.
    bool look_again(time_point since) { return board_.look_again(since); }

    /// How it was, as long as this daemon has been looking and leading.
    [[nodiscard]] const health::history& past() const { return past_; }

    /// New settings; checks that did not change keep what they know.
    void apply(config::guest settings);
    void post(failover::event e);
    /// The same for what is seen again and again: only if it would change something.
    void post_news(const failover::event& e);

    using check_view = check_board::view;
    [[nodiscard]] std::vector<check_view> checks() const { return board_.views(); }
    [[nodiscard]] const failover::state& state() const { return state_; }
    [[nodiscard]] const config::guest& settings() const { return settings_; }
    [[nodiscard]] const std::string& progress() const { return progress_; }
    [[nodiscard]] failover::operation running() const { return running_; }

  private:
    struct envelope {
        std::uint64_t operation;  ///< 0: not from an operation
        failover::event what;
    };

    [[nodiscard]] std::unique_ptr<net::prober> make_prober(const config::check& spec);
    void forget_checks();
    void remember(health::standing now);
    void on_answer();
    [[nodiscard]] health::summary opinion();
    void tell_of_lost_quorum();
    failover::state show_hold(std::string code, std::string text, std::string release);
    [[nodiscard]] boost::asio::awaitable<void> handle(failover::event e);
    [[nodiscard]] boost::asio::awaitable<void> persist(bool is_needed);
    [[nodiscard]] boost::asio::awaitable<result<envelope>> receive();
    void start_operation(failover::operation what);
    void cancel_operation();
    void see_others(failover::facts& seen) const;
    [[nodiscard]] boost::asio::awaitable<void> carry_out(failover::operation what, std::uint64_t number,
                                                         bool is_resumed);
    [[nodiscard]] boost::asio::awaitable<void> wait_until_armed();
    void tell(const failover::state& before, const failover::step& s);

    keeper_world& world_;
    config::guest settings_;
    failover::policy rules_;
    failover::state state_;
    health::summary last_opinion_;
    health::history past_;
    std::string path_problem_;
    std::string alone_;  ///< why nobody else finds it down
    bool is_contradicted_ = false;
    bool is_following_ = false;
    std::uint64_t life_ = 0;  ///< rises whenever somebody else's record becomes ours, or ours somebody else's
    check_board board_;
    mailbox<envelope> inbox_;
    failover::operation_context context_;
    std::uint64_t operation_number_ = 0;
    failover::operation running_ = failover::operation::none;
    std::string progress_;
    bool is_resuming_ = false;
    bool is_unsaved_ = false;      ///< the record in the store is older than the state
    bool is_complaining_ = false;  ///< said so already
    std::unique_ptr<task_group> operation_;
    std::vector<std::unique_ptr<task_group>> retired_;  ///< cancelled, perhaps still unwinding
};

/// The failover machine's rules out of the configuration.
[[nodiscard]] failover::policy policy_of(const config::guest& g);

}  // namespace steward
