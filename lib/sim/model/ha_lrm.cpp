#include "sim/model/ha_lrm.hpp"

#include "sim/model/cluster.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

constexpr duration active_round = 10s;
constexpr duration idle_round = 5s;
constexpr int idle_rounds_before_release = 60;
constexpr int success = 0;
constexpr int failure = 1;
constexpr int try_again = 7;
constexpr duration patience_of_stop = 60s;
constexpr duration patience_at_shutdown = 180s;
constexpr const char* who = "root@pam";

std::string shutdown_policy(const std::string& datacenter) {
    const std::size_t at = datacenter.find("shutdown_policy=");
    if (at == std::string::npos) return "conditional";
    const std::size_t begin = at + 16;
    return datacenter.substr(begin, std::min(datacenter.find_first_of(", \n", begin), datacenter.size()) - begin);
}

}  // namespace

ha_lrm::ha_lrm(cluster& model, ha_manager& ha, node_name self) : model_(model), ha_(ha), self_(std::move(self)) {}

void ha_lrm::forget() {
    status_ = ha_lrm_status();
    workers_.clear();
    restart_tries_.clear();
    left_ = nullptr;
}

bool ha_lrm::is_fence_wanted() const { return wanted_->node_state(self_) == "fence"; }

int ha_lrm::active_services() const {
    static const std::set<std::string> idle = {"stopped", "freeze", "error", "fence", "recovery"};
    return static_cast<int>(std::count_if(wanted_->services.begin(), wanted_->services.end(), [&](const auto& s) {
        return s.second.node == self_ && idle.count(s.second.state) == 0;
    }));
}

duration ha_lrm::round() {
    wanted_ = ha_.status(self_);
    config_ = ha_config::read(model_.files(self_).tree());
    if (!left_)
        status_.mode = !wanted_->disarmed.empty()               ? "disarm"
                       : wanted_->maintenance.count(self_) != 0 ? "maintenance"
                                                                : "active";
    // Nothing is at work here any more: the node need not be reset for HA's sake (crm-command disarm-ha).
    if (status_.mode == "disarm" && status_.state == "active" && active_services() == 0 && workers_.empty()) let_go();
    keep_lock();
    if (status_.state == "active") {
        collect();
        // The last service that ends may let the node go down, and this daemon with it.
        if (!model_.find_node(self_)->powered) return active_round;
        for (const auto& [sid, s] : wanted_->services)
            if (s.node == self_) work_on(sid, s);
        check_departure();
    }
    if (model_.is_quorate(self_)) publish();
    return status_.state == "active" ? active_round : idle_round;
}

/// Takes the agent lock when there is work, renews it while there is, and gives it back after a long while without.
void ha_lrm::keep_lock() {
    const int services = active_services();
    if (status_.state == "wait_for_agent_lock" && (services == 0 || is_fence_wanted() || left_)) return;
    if (!ha_.hold(self_, ha_manager::agent_lock(self_))) {
        if (status_.state == "active") status_.state = "lost_agent_lock";
        return;
    }
    status_.state = "active";
    ha_.feed(self_, "lrm");
    idle_rounds_ = services == 0 && !left_ ? idle_rounds_ + 1 : 0;
    if (idle_rounds_ >= idle_rounds_before_release) let_go();
}

void ha_lrm::let_go() {
    status_.state = "wait_for_agent_lock";
    idle_rounds_ = 0;
    ha_.drop(self_, ha_manager::agent_lock(self_));
    ha_.disarm(self_, "lrm");
}

void ha_lrm::work_on(const std::string& sid, const ha_service& s) {
    const auto guest = parse_sid(sid);
    if (!guest || workers_.count(sid) != 0) return;
    const bool is_leaving = left_ && status_.mode != "maintenance";
    if (is_leaving) return;
    if (s.state == "started") return run_started(sid, *guest, s);
    if (s.state == "request_stop" || s.state == "stopped") return run_stop(sid, *guest, s);
    if (s.state == "migrate" || s.state == "relocate") run_move(sid, *guest, s);
}

void ha_lrm::begin(const std::string& sid, const ha_service& s, const std::string& upid) {
    worker w;
    w.upid = upid;
    w.uid = s.uid;
    w.state = s.state;
    workers_[sid] = std::move(w);
}

/// A started service is looked at in every round: one that has ended by itself is started again.
void ha_lrm::run_started(const std::string& sid, guest_id guest, const ha_service& s) {
    if (const auto known = status_.results.find(s.uid); known != status_.results.end() && known->second.exit_code != 0)
        return;
    if (model_.is_running(self_, guest)) return post(sid, s.uid, s.state, success);
    begin(sid, s, model_.begin_start(self_, guest, who));
}

void ha_lrm::run_stop(const std::string& sid, guest_id guest, const ha_service& s) {
    if (s.state == "request_stop" && status_.results.count(s.uid) != 0) return;
    if (!model_.is_running(self_, guest)) return post(sid, s.uid, s.state, success);
    if (s.timeout && *s.timeout == 0) return begin(sid, s, model_.begin_stop(self_, guest, who));
    const duration patience = s.timeout ? duration(std::chrono::seconds(*s.timeout)) : patience_of_stop;
    begin(sid, s, model_.begin_shutdown(self_, guest, who, patience, true));
}

void ha_lrm::run_move(const std::string& sid, guest_id guest, const ha_service& s) {
    if (status_.results.count(s.uid) != 0) return;
    // Only a VM can move while it runs, and a relocation does without (pve-facts I.4).
    const bool goes_live = guest.type == guest_type::vm && s.state == "migrate";
    if (!goes_live && model_.is_running(self_, guest)) {
        begin(sid, s, model_.begin_shutdown(self_, guest, who, patience_of_stop, true));
        workers_[sid].is_only_stopping = true;
        return;
    }
    begin(sid, s, ha_.begin_move(self_, guest, s.target));
}

void ha_lrm::collect() {
    std::vector<std::pair<std::string, worker>> ended;
    for (const auto& [sid, w] : workers_) {
        const auto t = model_.tasks().find(w.upid);
        if (t == model_.tasks().end() || !t->second.running()) ended.emplace_back(sid, w);
    }
    for (const auto& [sid, w] : ended) {
        workers_.erase(sid);
        const auto t = model_.tasks().find(w.upid);
        const bool ok =
            t != model_.tasks().end() && (t->second.exit_text == "OK" || t->second.exit_text.starts_with("WARNINGS"));
        finish(sid, w, ok);
    }
    check_departure();
    if (!ended.empty() && model_.is_quorate(self_)) publish();
}

/// A failed start is tried again max_restart times before the CRM hears of it.
void ha_lrm::finish(const std::string& sid, const worker& w, bool ok) {
    const ha_resource* r = config_.find(sid);
    if (w.is_only_stopping && ok) {
        const auto s = wanted_->services.find(sid);
        if (s != wanted_->services.end() && s->second.uid == w.uid && r != nullptr) run_move(sid, r->guest, s->second);
        return;
    }
    if (w.state != "started" || ok) {
        restart_tries_.erase(sid);
        return post(sid, w.uid, w.state, ok ? success : failure);
    }
    if (r != nullptr && restart_tries_[sid]++ < r->max_restart) return;
    restart_tries_.erase(sid);
    post(sid, w.uid, w.state, try_again);
}

void ha_lrm::post(const std::string& sid, const std::string& uid, const std::string& state, int exit_code) {
    ha_lrm_status::outcome o;
    o.sid = sid;
    o.state = state;
    o.exit_code = exit_code;
    status_.results[uid] = std::move(o);
}

void ha_lrm::publish() {
    std::erase_if(status_.results, [&](const auto& r) {
        const auto s = wanted_->services.find(r.second.sid);
        return s == wanted_->services.end() || s->second.uid != r.first;
    });
    status_.timestamp = model_.wall_now(self_).time_since_epoch().count();
    ha_.write(ha_lrm_status::path(self_), status_.text());
}

void ha_lrm::leave(bool comes_back, std::function<void()> done) {
    if (status_.state != "active") return done();
    const std::string policy = shutdown_policy(model_.files(self_).tree().read("datacenter.cfg").value_or(""));
    left_ = std::move(done);
    const bool freezes = policy == "freeze" || (policy == "conditional" && comes_back);
    status_.mode = policy == "migrate" ? "maintenance" : freezes ? "restart" : "shutdown";
    if (status_.mode != "maintenance") stop_everything();
    if (model_.is_quorate(self_)) publish();
    check_departure();
}

void ha_lrm::stop_everything() {
    for (const auto& [sid, s] : wanted_->services) {
        const auto guest = parse_sid(sid);
        if (s.node == self_ && guest && model_.is_running(self_, *guest))
            (void)model_.begin_shutdown(self_, *guest, who, patience_at_shutdown, true);
    }
}

void ha_lrm::check_departure() {
    if (!left_) return;
    bool is_busy = false;
    for (const auto& [sid, s] : wanted_->services) {
        const auto guest = parse_sid(sid);
        if (s.node != self_ || !guest) continue;
        const bool still_here =
            status_.mode == "maintenance" ? active_services() > 0 : model_.is_running(self_, *guest);
        const bool unfrozen = status_.mode == "restart" && s.state == "started";
        if (still_here || unfrozen) is_busy = true;
    }
    if (is_busy) return;
    const auto done = std::exchange(left_, nullptr);
    let_go();
    publish();
    done();
}

}  // namespace steward::sim
