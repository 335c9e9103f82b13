#include "base/log.hpp"
#include "services/keeper.hpp"

#include <algorithm>

/// This daemon's part among several: what it says, when it leads, and what it knows while it does not.
namespace steward {
namespace asio = boost::asio;

bool keeper::sees_now() const {
    constexpr duration limit = std::chrono::seconds(60);
    return sight_.view.has_value() && world_.time.now() - sight_.taken < limit;
}

void keeper::join(leadership& cluster) {
    cluster_ = &cluster;
    world_.lead = &cluster;
    world_.storm = [this] { return storm(); };
    world_.leaving = [this](guest_id guest) { return cluster_->leaving(world_.home_of(guest)); };
    world_.closed = [this] {
        auto closed = closed_nodes();
        closed.merge(cluster_->all_leaving());
        return closed;
    };
    cluster.words = [this] { return words(); };
    cluster.own_view = [this](guest_id guest) {
        const guest_keeper* known = find(guest);
        return known != nullptr ? known->own_view() : health::summary();
    };
    cluster.fitness = [this] {
        leader::fitness f;
        f.is_quorate = sees_now() && sight_.view->is_quorate == true && !cluster_->is_forced() && !cluster_->is_blind();
        // Who is being worked on had better not lead; who was just ordered to must, to carry the order out.
        const bool is_closed = pauses_.find(failover::pause_object(cluster_->self())) != nullptr ||
                               cluster_->leaving(cluster_->self()).has_value();
        f.is_wanted = world_.time.now() < awake_until_ || (!guests_.empty() && !is_closed);
        // Whoever is taken for dead leaves it to another one to find out, if there is one.
        if (is_being_fenced() && cluster_->sees_fit_observer()) f.is_wanted = false;
        return f;
    };
    cluster.on_change = [this](bool leads, std::uint64_t) { change_role(leads); };
}

/// Whether a hand-over is under way, here or at another leader's, that takes this very node for dead.
bool keeper::is_being_fenced() const {
    return std::any_of(guests_.begin(), guests_.end(), [this](const auto& g) {
        const failover::record& r = g.second->state().saved;
        return r.at == failover::phase::fencing && r.chosen && r.chosen->source == cluster_->self();
    });
}

/// Our own API has been unusable for a minute, and somebody else's works.
bool keeper::cannot_work() const {
    if (sight_.problem.empty() || sees_now()) return false;
    return cluster_->sees_fit_observer();
}

/// What this daemon sees, for the lease of its node.
daemon_words keeper::words() {
    daemon_words w;
    w.config_digest = cluster_->config_digest;
    w.leads = cluster_->leads_in();
    w.is_fit = !cluster_->was_stalled() && sees_now() && !cluster_->is_blind();
    w.managed.reserve(guests_.size());
    for (const auto& [id, guest] : guests_) {
        w.managed.push_back(id);
        const health::standing s = guest->vote();
        if (s == health::standing::down) w.down.push_back(id);
        if (s == health::standing::unknown || s == health::standing::suspicious) w.unsure.push_back(id);
    }
    ask_others(w);
    answer_leader(w);
    return w;
}

/// The guests that we begin to doubt: the others shall look at them now, not when it is their turn.
void keeper::ask_others(daemon_words& w) {
    std::vector<guest_id> in_doubt;
    for (const auto& [id, guest] : guests_) {
        const health::standing s = guest->own_standing();
        const bool is_bad = s == health::standing::down || s == health::standing::suspicious;
        if (is_bad && !failover::is_acting(guest->state().saved.at)) in_doubt.push_back(id);
    }
    cluster_->ask(in_doubt);
    w.asks = cluster_->questions().current();
    w.asked = cluster_->questions().asked();
}

/// Looks as the leader asks, and says so when everything was looked at since.
void keeper::answer_leader(daemon_words& w) {
    if (const auto& open = cluster_->open_question()) {
        bool has_looked = true;
        for (const guest_id id : open->guests) {
            const auto known = guests_.find(id);
            if (known != guests_.end() && !known->second->look_again(open->heard)) has_looked = false;
        }
        if (has_looked) cluster_->answer_question();
    }
    w.answers = cluster_->answered();
}

void keeper::change_role(bool leads) {
    is_leading_ = leads;
    if (leads) {
        role_.spawn("take the lead", take_lead());
        return;
    }
    inspected_.clear();
    records_.clear();  // others write them from now on: the next look is news, whatever it finds
    for (auto& [id, guest] : guests_) guest->follow();
    for (auto& [name, known] : node_states_) known.clear();
}

/// Records, pauses and mode as they stand in the store. False: they are what they were.
bool keeper::accept_records(std::vector<stored_record> found) {
    std::map<std::string, std::string> fresh;
    for (stored_record& r : found) fresh[r.name] = std::move(r.text);
    if (fresh == records_) return false;
    records_ = std::move(fresh);
    read_pauses();
    remember_mode();
    remember_sections();
    return true;
}

/// What a newer program has written may say something that this one would do wrong.
bool keeper::finds_newer_records() {
    for (const auto& [name, text] : records_) {
        if (!name.starts_with("guest.") || name.ends_with(".unreadable")) continue;
        const auto saved = failover::parse_record(text);
        if (!saved && saved.error().code == errc::unsupported)
            misfit_ = fault(errc::unsupported, "schema_too_new", name + " " + saved.error().detail);
    }
    return misfit_.has_value();
}

/// Whoever asks a daemon that does not lead wants to know what the leader does.
asio::awaitable<void> keeper::follow_records() {
    auto all = co_await world_.store.load_records();
    if (!all) log::warning("records.unreadable", {{"reason", all.error().text()}});
    // Who has begun to lead meanwhile has read newer ones.
    if (!all || is_leading_ || !accept_records(std::move(*all))) co_return;
    for (const auto& [id, guest] : guests_) {
        const auto found = records_.find(failover::record_name(id));
        auto saved =
            found == records_.end() ? result<failover::record>(fault()) : failover::parse_record(found->second);
        if (saved && saved->guest == id) guest->show(std::move(*saved));
    }
}

/// Everything is read again, behind the write that made us leader: what was under way is ours now (L5).
asio::awaitable<void> keeper::take_lead() {
    for (;;) {
        auto found = co_await world_.store.load_records();
        if (!is_leading_) co_return;
        if (found) {
            accept_records(std::move(*found));
            break;
        }
        log::error("records.unreadable", {{"reason", found.error().text()}});
        co_await world_.time.sleep_for(std::chrono::seconds(2));
    }
    if (finds_newer_records()) {
        co_await cluster_->leave();
        co_return;
    }
    for (auto& [id, guest] : guests_) {
        bool is_resumed = false;
        failover::state from = state_from(id, is_resumed);
        guest->take_over(std::move(from), is_resumed);
    }
    follow_sections();
}

}  // namespace steward
