#pragma once
#include "config/settings.hpp"
#include "core/backup/freshness.hpp"
#include "core/failover/parked.hpp"
#include "core/failover/pauses.hpp"
#include "model/snapshot.hpp"
#include "services/failover/guest_keeper.hpp"
#include "services/leadership/leadership.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace steward {

/// What the daemon last learned about the cluster, and how fresh that is.
struct cluster_sight {
    std::optional<model::cluster_view> view;
    time_point taken{};
    std::string problem;  ///< why the last look failed; empty: it worked
};

/// All guests of this daemon, the operator's orders to them, and the mode.
class keeper {
  public:
    /// `allow_writes` is told whenever the mode changes (dry run lives in the transport).
    keeper(keeper_world& world, config::settings settings, std::function<void(bool)> allow_writes);
    ~keeper();

    /// Before `start`: shares the work with the daemons of other nodes. Only the leader's guests act.
    void join(leadership& cluster);

    /// Reads the records, takes up what was under way, and watches until cancelled. Fails when the records cannot be
    /// read.
    [[nodiscard]] boost::asio::awaitable<result<void>> start();
    [[nodiscard]] boost::asio::awaitable<void> run();
    /// After `run` has been cancelled: ends every task, within the time that the slowest needs to unwind.
    [[nodiscard]] boost::asio::awaitable<void> stop();

    /// New settings from a reload. Guests and checks that did not change keep their state.
    void apply(config::settings settings);

    /// armed: may act; observe: changes nothing. Remembered across restarts. From armed to observe, hand-overs and
    /// restarts that are under way come to their end first and nothing new is begun, unless it `is_urgent`: then they
    /// stand still where they are.
    [[nodiscard]] boost::asio::awaitable<result<void>> set_mode(config::mode mode, bool is_urgent = false);
    [[nodiscard]] config::mode mode() const { return world_.armed ? config::mode::armed : config::mode::observe; }
    /// "armed", "observe", or "disarming" while something is still being finished.
    [[nodiscard]] const char* mode_name() const;

    /// The same preflight as a real hand-over; only reads.
    [[nodiscard]] boost::asio::awaitable<result<std::variant<failover::plan, failover::refusal>>> plan_for(
        guest_id guest, failover::wish asked);
    /// Orders a hand-over; `refused` says why not now.
    [[nodiscard]] result<void> order_failover(guest_id guest, failover::wish asked);
    /// A person says that this node, as it was booted last, is down and stays so. Errors: `refused` while it is there.
    [[nodiscard]] boost::asio::awaitable<result<void>> confirm_fence(node_name node, std::string by);
    /// Another try for a held or failed_parked guest; looks after a disabled one again.
    [[nodiscard]] result<void> retry(guest_id guest);
    /// Guests that the leader is still to move away from this daemon's node before that goes down, as far as it knows;
    /// and for how long they may be waited for.
    [[nodiscard]] std::vector<guest_id> to_be_evacuated() const;
    [[nodiscard]] duration longest_evacuation() const;
    /// Migrates a guest to the node that a hand-over took it from.
    [[nodiscard]] result<void> order_failback(guest_id guest);
    /// What it waits for may be done: with `accepts_stale` also from a backup that is too old.
    /// With a `token` (approval_token) only what that one is about, and while it lasts.
    [[nodiscard]] result<void> approve(guest_id guest, bool accepts_stale, const std::string& token = {});
    /// For whoever may consent later: of a guest that waits for an approval.
    [[nodiscard]] result<std::string> approval_token(guest_id guest) const;
    /// Gives up a hand-over before its commit. `refused` after it.
    [[nodiscard]] result<void> abort(guest_id guest, std::string by);
    /// Leaves a guest alone until it is retried.
    [[nodiscard]] result<void> disable(guest_id guest, std::string by);

    /// Nothing is begun for the cluster, a node's guests, or one guest, until that is over; what is under way goes on.
    /// Errors: not_found; refused (maintenance of a node that is offline); what the store says.
    [[nodiscard]] boost::asio::awaitable<result<void>> pause(failover::pause p);
    [[nodiscard]] boost::asio::awaitable<result<void>> resume(std::string object, std::string by);
    /// What was parked by hand-overs and never removed. Errors: what the store says.
    [[nodiscard]] boost::asio::awaitable<result<std::vector<failover::parked_config>>> parked();
    /// Brings one back to its node, byte for byte. Errors: not_found, exists (the vmid is taken), refused.
    [[nodiscard]] boost::asio::awaitable<result<void>> restore_parked(std::string name, std::string by);
    /// Removes one for ever: afterwards nothing tells that its volumes were this guest's.
    [[nodiscard]] boost::asio::awaitable<result<void>> remove_parked(std::string name, std::string typed_again,
                                                                     std::string by);

    /// What would happen to a guest if its node died now, as worked out last.
    class foresight {
      public:
        std::string outcome;  ///< restore, relocate, held
        std::string code;     ///< of what would hold it
        std::string text;
        wall_time at{};
    };
    /// Why this daemon is no use in this cluster, with a code in `where` (cluster_mismatch, schema_too_new): `run` has
    /// ended, or ends, and to begin again will not help. Nothing: it is.
    [[nodiscard]] const std::optional<fault>& misfit() const { return misfit_; }

    /// Whether that is worked out at all: a handful of calls with every look at the cluster.
    bool foresees = false;
    /// Null: not worked out yet, or by the leader only.
    [[nodiscard]] const foresight* foreseen(guest_id guest) const;
    /// Whether its newest good backup is as young as `backup.max_age` says; nothing: that is not configured, or not
    /// known here yet.
    [[nodiscard]] std::optional<backup::freshness_report> freshness_of(guest_id guest) const;
    /// The newest good backup that was seen; null: none was, or nobody has looked yet.
    [[nodiscard]] const model::backup* newest_backup(guest_id guest) const;
    /// The daemons that share the work with this one; null: it is alone.
    [[nodiscard]] const leadership* shared_with() const { return cluster_; }

    [[nodiscard]] const failover::pauses& pauses() const { return pauses_; }
    /// online, offline, unknown, maintenance, planned_off, gone.
    [[nodiscard]] const char* state_of(const node_name& node) const;

    /// Guests of this daemon that somebody means. Errors: not_found, with the first word that speaks of none.
    [[nodiscard]] result<std::vector<guest_id>> chosen(const model::selector& which) const;

    [[nodiscard]] const guest_keeper* find(guest_id guest) const;
    [[nodiscard]] const std::map<guest_id, std::unique_ptr<guest_keeper>>& guests() const { return guests_; }
    /// The checks that belong to no guest.
    [[nodiscard]] const check_board& gateways() const { return gateways_; }
    [[nodiscard]] const cluster_sight& sight() const { return sight_; }
    [[nodiscard]] const config::settings& settings() const { return settings_; }
    [[nodiscard]] time_source& time() const { return world_.time; }

  private:
    [[nodiscard]] boost::asio::awaitable<void> watch_cluster();
    [[nodiscard]] boost::asio::awaitable<void> look_at_cluster();
    [[nodiscard]] bool is_time_to_look() const;
    void serve_checks();
    [[nodiscard]] health::circumstances circumstances_of(guest_id guest) const;
    [[nodiscard]] boost::asio::awaitable<void> look_at_boots();
    [[nodiscard]] bool is_any_in_doubt() const;
    [[nodiscard]] bool wants_home(const guest_keeper& guest, const model::guest_row& row) const;
    void change_role(bool leads);
    /// Whether the last look at the cluster is young enough to say something about now.
    [[nodiscard]] bool sees_now() const;
    void remember_mode();
    [[nodiscard]] boost::asio::awaitable<result<void>> enter_mode(const char* name);
    [[nodiscard]] boost::asio::awaitable<void> finish_disarming();
    [[nodiscard]] bool is_busy() const;
    /// Why an order to begin something is refused in this mode.
    [[nodiscard]] result<void> must_be_armed() const;
    void tell_guests();
    void note_place(const model::guest_row& row);
    /// Why a guest may run elsewhere than where its configuration is (keeper_placement.cpp).
    [[nodiscard]] std::optional<failover::refusal> misplaced(guest_id guest) const;
    [[nodiscard]] std::optional<failover::refusal> ignored(guest_id guest) const;
    [[nodiscard]] std::set<node_name> closed_nodes() const;
    void tell_nodes();
    [[nodiscard]] failover::traffic traffic_beside(guest_id guest) const;
    [[nodiscard]] std::map<node_name, std::uint64_t> reserved_beside(guest_id guest) const;
    [[nodiscard]] std::map<guest_id, node_name> bound_beside(guest_id guest) const;
    [[nodiscard]] bool comes_before(guest_id one, guest_id other) const;
    void call_the_next();
    void tell_moves(const model::cluster_view& before, const model::cluster_view& now);
    void read_pauses();
    [[nodiscard]] boost::asio::awaitable<result<void>> save_pauses(failover::pauses next);
    [[nodiscard]] boost::asio::awaitable<void> end_pauses();
    [[nodiscard]] bool cannot_work() const;
    [[nodiscard]] bool is_being_fenced() const;
    [[nodiscard]] result<void> wake();
    [[nodiscard]] result<void> check_pause(const failover::pause& p) const;
    [[nodiscard]] boost::asio::awaitable<void> take_lead();
    [[nodiscard]] boost::asio::awaitable<void> follow_records();
    [[nodiscard]] boost::asio::awaitable<void> foresee_next();
    void see_archives(const failover::facts& seen, const failover::policy& rules);
    void tell_freshness(guest_id guest);
    [[nodiscard]] boost::asio::awaitable<void> stamp_archives(guest_id guest, std::vector<model::backup> archives,
                                                              model::cluster_view view);
    void tell_foreseen(guest_id guest, const std::string& code, const std::string& text);
    [[nodiscard]] boost::asio::awaitable<void> inspect_next();
    [[nodiscard]] boost::asio::awaitable<result<failover::parked_config>> parked_to_change(std::string name);
    bool accept_records(std::vector<stored_record> found);
    [[nodiscard]] daemon_words words();
    void ask_others(daemon_words& w);
    void answer_leader(daemon_words& w);
    [[nodiscard]] std::string storm() const;
    /// Whether a newer program has written any of the records: then misfit_ says so.
    [[nodiscard]] bool finds_newer_records();
    [[nodiscard]] failover::state state_from(guest_id guest, bool& is_resumed);
    void add_guest(const config::guest& g);
    // keeper_sections.cpp: guests that the configuration's selectors choose.
    /// By which selector a guest was chosen before, and whether something is being done that must not be dropped.
    class chosen_before {
      public:
        std::string section;
        bool is_busy = false;
    };
    void use(config::settings settings);
    void add_chosen(config::settings& into) const;
    [[nodiscard]] std::optional<config::guest> chosen_anyway(guest_id guest, const chosen_before& before,
                                                             const config::settings& by) const;
    [[nodiscard]] bool is_sure_of(const model::guest_row& row) const;
    void follow_sections();
    void remember_sections();
    /// Orders to a daemon that does not lead would be lost.
    [[nodiscard]] result<void> must_lead() const;
    void take_leave();

    keeper_world& world_;
    config::settings settings_;
    std::function<void(bool)> allow_writes_;
    cluster_sight sight_;
    time_point looked_ = time_point::min();  ///< when the last look began, whether or not it worked
    check_board gateways_;
    std::map<node_name, time_point> booted_;  ///< nodes, as PVE says; only while some check asks for it
    std::optional<fault> misfit_;
    std::map<guest_id, std::unique_ptr<guest_keeper>> guests_;
    std::map<guest_id, std::unique_ptr<task_group>> runs_;
    std::set<guest_id> listed_;  ///< by PVE, since the configuration was read
    std::map<guest_id, chosen_before> sections_;
    std::map<std::string, std::string> records_;  ///< as found at the start, for guests that a reload adds
    std::vector<std::unique_ptr<guest_keeper>> leaving_;
    failover::pauses pauses_;
    bool is_saving_pauses_ = false;
    time_point awake_until_{};
    /// Where a guest was seen to run last, by this daemon.
    class place_seen {
      public:
        node_name node;
        time_point since{};
        bool is_sure = false;
    };
    std::map<guest_id, place_seen> ran_on_;
    std::map<node_name, std::string> node_states_;  ///< as told last; "" when never
    std::map<guest_id, foresight> foreseen_;
    std::map<guest_id, std::string> foretold_;  ///< what a person was told would hold it
    std::map<guest_id, backup::archive_sight> archives_;
    std::map<guest_id, backup::freshness> told_freshness_;
    std::set<volid> unstampable_;                  ///< archives whose notes cannot be written: said once
    std::set<guest_id> inspected_;                 ///< since this daemon leads
    std::map<guest_id, std::uint64_t> memory_of_;  ///< bytes that it may use; a parked one is in no list
    guest_id foreseen_last_;
    leadership* cluster_ = nullptr;
    bool is_leading_ = false;
    mutable std::optional<time_point> last_storm_;
    task_group ends_;
    task_group role_;  ///< taking the lead, and the cluster's own loop
};

}  // namespace steward
