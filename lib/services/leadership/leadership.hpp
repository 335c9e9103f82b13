#pragma once
#include "cluster/lease_store.hpp"
#include "core/failover/leave_notice.hpp"
#include "core/fencing/proof.hpp"
#include "core/leader/leader.hpp"
#include "core/lease/enquiry.hpp"
#include "core/lease/node_lease.hpp"
#include "core/lease/votes.hpp"
#include "model/snapshot.hpp"
#include "runtime/time_source.hpp"
#include "services/leadership/fence_agents.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace steward {

/// This daemon's part in the cluster: watches every node's lease, leads when it is its turn, says what it sees.
class leadership {
  public:
    leadership(time_source& time, lease_store& store, node_name self)
        : time_(time), store_(store), self_(std::move(self)) {}

    /// Runs until cancelled.
    [[nodiscard]] boost::asio::awaitable<void> run();

    /// Whether a request that changes something may be issued now (E1), by a daemon that sees what is written.
    [[nodiscard]] bool may_act() const { return leader::may_act(state_, time_.now()) && sight_age() < oldest_sight; }
    /// For how long our own node's lease, which its guard renews all the time, has not changed as it is read here:
    /// what is read may be as old (reliability P2). Zero when it was never seen.
    [[nodiscard]] duration sight_age() const { return leases_.silence(self_, time_.now()).value_or(duration::zero()); }
    /// Whether that is so long that this node cannot be taken for one of the majority.
    [[nodiscard]] bool is_blind() const { return sight_age() >= leader::timing::hold; }
    /// Why no new hand-over may begin: a leader that has only just begun, or a cluster that is only just there
    /// (reliability §1.5). Empty: it may.
    [[nodiscard]] std::string claims_forbidden(const node_name& home) const;
    [[nodiscard]] const leader::state& state() const { return state_; }
    [[nodiscard]] const lease::lease_watch& leases() const { return leases_; }
    [[nodiscard]] lease_store& store() const { return store_; }
    [[nodiscard]] const node_name& self() const { return self_; }
    /// The epoch in which this daemon leads; 0: it does not.
    [[nodiscard]] std::uint64_t leads_in() const { return is_leading_ ? state_.epoch : 0; }
    /// Whose fresh lease says that its daemon leads, in the newest epoch; empty when nobody's does.
    [[nodiscard]] node_name leader() const;
    /// What this node's guard said last, as lines; why it does not answer otherwise.
    [[nodiscard]] const result<std::string>& guard_status() const { return guard_status_; }
    /// Whether this node's guard says that its majority is none (fencing::is_forced).
    [[nodiscard]] bool is_forced() const;
    /// Who is in the cluster, as the API says; a node that is missing was never there.
    void see_members(const model::cluster_view& view);
    [[nodiscard]] bool is_gone(const node_name& node) const { return gone_since_.count(node) != 0; }
    /// For how long it has been out of the cluster.
    [[nodiscard]] std::optional<duration> gone_for(const node_name& node) const;
    /// For how long it has been in the cluster without interruption, before our eyes, with a lease; zero when it is
    /// not.
    [[nodiscard]] duration stable_for(const node_name& node) const;
    /// Of other nodes whose daemons are configured differently, freshly said; "" when there is none.
    [[nodiscard]] std::string divergence() const;
    /// What that node says it is going, or went, down for, and for how long we have known; nothing: it stays.
    [[nodiscard]] std::optional<failover::leave_notice> leaving(const node_name& node) const;
    [[nodiscard]] std::set<node_name> all_leaving() const;
    [[nodiscard]] lease::opinion opinion_of(guest_id guest, const health::summary& own, const node_name& home) const;
    /// Asks the daemons of the other nodes to look at these guests; only while it leads.
    void ask(const std::vector<guest_id>& in_doubt);
    [[nodiscard]] const lease::enquiry& questions() const { return questions_; }
    /// What the leader wants to have looked at, and when we first heard of it.
    class asked_of_us {
      public:
        question which;
        std::vector<guest_id> guests;
        time_point heard{};
    };
    /// Nothing: all that was asked is answered.
    [[nodiscard]] const std::optional<asked_of_us>& open_question() const { return open_question_; }
    /// Every guest of it was looked at since.
    void answer_question();
    [[nodiscard]] const question& answered() const { return answered_; }
    /// What is known about a node that cannot be reached, for one of its guests.
    [[nodiscard]] boost::asio::awaitable<fencing::evidence> evidence(node_name node, guest_id guest,
                                                                     bool accepts_weak) const;
    /// The same, were that node to die now and its promise, or its agent, to do what is expected of it.
    [[nodiscard]] fencing::evidence evidence_once_dead(const node_name& node, bool accepts_weak) const;
    /// Has its fence agent switch a node off, and writes down that it is; one at a time for each node (`locked`: it is
    /// being done). Errors: what the agent says, what the store says.
    [[nodiscard]] boost::asio::awaitable<result<void>> switch_off(node_name node);
    /// Whether the daemon of some other node says, freshly, that it sees the cluster.
    [[nodiscard]] bool sees_fit_observer() const;
    /// Its own loop stood still a moment ago: what its checks said meanwhile says more about it than about the guests.
    [[nodiscard]] bool was_stalled() const { return time_.now() < unfit_until_; }
    /// Gives the lead back at once, if it is here: the daemon ends, or cannot do the work.
    [[nodiscard]] boost::asio::awaitable<void> leave();

    /// What can switch nodes off; null: nothing can.
    fence_agents* agents = nullptr;
    /// When this node was booted, by its clock.
    time_point node_booted = time_point::min();
    /// Digest of our configuration: whoever has another one has no vote.
    std::string config_digest;
    /// What this daemon's checks say of a guest.
    std::function<health::summary(guest_id)> own_view;
    /// What the daemon has to say with every lease.
    std::function<daemon_words()> words;
    /// Whether there is anything to lead, and whether this node is in the majority.
    std::function<leader::fitness()> fitness;
    /// Told when its own loop has stood still for so long; empty: nobody listens.
    std::function<void(duration)> on_stall;
    /// Something that a person should know, beside what the journal says: code and text.
    std::function<void(const char* code, const std::string& text)> on_alert;
    /// Told when this daemon begins to lead with that epoch, and when it no longer does.
    std::function<void(bool leads, std::uint64_t epoch)> on_change;

  private:
    /// Two renewals, and some time for a write that is slow.
    static constexpr duration oldest_sight = std::chrono::seconds(25);

    [[nodiscard]] boost::asio::awaitable<void> look();
    void observe(const stored_record& r);
    [[nodiscard]] leader::effect learn(const leader::event& what);
    [[nodiscard]] boost::asio::awaitable<void> act(leader::effect what);
    [[nodiscard]] boost::asio::awaitable<leader::event> carry_out(leader::effect what);
    void tell(leader::phase before);
    void tell_of_stuck_lock();
    void see_removed(const model::cluster_view& view);
    [[nodiscard]] bool is_newly_booted(time_point now) const;
    [[nodiscard]] fencing::evidence known_of(const node_name& node, bool accepts_weak) const;
    void tell_of_agent(const node_name& node, fencing::evidence& e) const;
    void hear_question();
    [[nodiscard]] lease::observers observers(guest_id about) const;

    time_source& time_;
    lease_store& store_;
    node_name self_;
    leader::state state_;
    lease::lease_watch leases_;
    std::map<std::string, std::string> lease_texts_;  ///< as read last, by node
    std::vector<node_name> members_;
    std::map<node_name, time_point> gone_since_;
    std::map<node_name, time_point> back_since_;
    std::map<node_name, time_point> leaving_since_;
    std::optional<time_point> first_look_;
    lease::enquiry questions_;
    std::optional<asked_of_us> open_question_;
    question answered_;
    class agent_failure {
      public:
        time_point at{};
        std::string why;
    };
    std::map<node_name, agent_failure> agent_failures_;
    std::set<node_name> being_fenced_;
    result<std::string> guard_status_ = fault(errc::unavailable, "", "was not asked yet");
    std::string stamp_;
    std::string stuck_stamp_;  ///< of the lock that a person was told of
    time_point stamp_changed_{};
    time_point last_look_{};
    duration pause_{};  ///< that it meant to make since
    time_point unfit_until_ = time_point::min();
    bool is_leading_ = false;
};

}  // namespace steward
