#include "sim/model/ha_crm.hpp"

#include "sim/model/cluster.hpp"

#include <algorithm>
#include <set>
#include <sstream>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

constexpr duration master_round = 10s;
constexpr duration slave_round = 5s;
constexpr duration fence_delay = 60s;
constexpr int idle_rounds_before_release = 90;
constexpr const char* manager_lock = "ha_manager_lock";
constexpr int most_steps = 100;
constexpr int try_again = 7;  // the LRM's exit code for "not on this node"

/// Locks that a dead node leaves in a configuration and that recovery takes away (pve-facts E.5).
bool is_stale_lock(const std::string& lock) {
    static const std::set<std::string> stale = {"backup",   "mounted",         "migrate",    "clone",    "rollback",
                                                "snapshot", "snapshot-delete", "suspending", "suspended"};
    return stale.count(lock) != 0;
}

}  // namespace

ha_crm::ha_crm(cluster& model, ha_manager& ha, node_name self) : model_(model), ha_(ha), self_(std::move(self)) {}

void ha_crm::forget() {
    is_master_ = false;
    last_online_.clear();
}

duration ha_crm::round() {
    if (!ha_.hold(self_, manager_lock)) return is_master_ ? master_round : slave_round;
    if (!is_master_) become_master();
    manage();
    if (has_disarmed())
        ha_.disarm(self_, "crm");
    else
        ha_.feed(self_, "crm");
    if (is_master_ && status_.services.empty() && ++idle_rounds_ >= idle_rounds_before_release) resign();
    return master_round;
}

/// Its own watchdog goes last: once every LRM has let its own go.
bool ha_crm::has_disarmed() const {
    return !status_.disarmed.empty() &&
           std::none_of(lrm_.begin(), lrm_.end(), [](const auto& l) { return l.second.state == "active"; });
}

void ha_crm::become_master() {
    is_master_ = true;
    idle_rounds_ = 0;
    // Every node gets the whole delay again: the new master has not seen for how long it has been away.
    for (const sim_node& n : model_.nodes()) last_online_[n.name] = model_.now();
}

void ha_crm::resign() {
    is_master_ = false;
    ha_.disarm(self_, "crm");
    ha_.drop(self_, manager_lock);
}

bool ha_crm::is_online(const node_name& node) const {
    const sim_node* n = model_.find_node(node);
    return n != nullptr && model_.is_member(self_, node);
}

bool ha_crm::is_long_offline(const node_name& node) const {
    const auto last = last_online_.find(node);
    return !is_online(node) && (last == last_online_.end() || model_.now() - last->second >= fence_delay);
}

std::vector<node_name> ha_crm::usable_nodes() const {
    std::vector<node_name> nodes;
    for (const auto& [node, state] : status_.nodes) {
        const auto lrm = lrm_.find(node);
        if (state == "online" && (lrm == lrm_.end() || lrm->second.mode == "active")) nodes.push_back(node);
    }
    return nodes;
}

void ha_crm::manage() {
    const file_tree& tree = model_.files(self_).tree();
    config_ = ha_config::read(tree);
    status_ = *ha_.status(self_);
    status_.master = self_;
    lrm_.clear();
    for (const sim_node& n : model_.nodes())
        if (const auto text = tree.read(ha_lrm_status::path(n.name))) lrm_[n.name] = ha_lrm_status::parse(*text);
    look_at_nodes();
    look_at_resources();
    obey_commands();
    for (int steps = 0; steps < most_steps && (step_all() || fence_nodes()); ++steps) {
    }
    if (!status_.services.empty()) idle_rounds_ = 0;
    status_.timestamp = model_.wall_now(self_).time_since_epoch().count();
    ha_.write("ha/manager_status", status_.text());
}

void ha_crm::look_at_nodes() {
    for (const sim_node& n : model_.nodes()) {
        std::string& state = status_.nodes[n.name];
        if (!is_online(n.name)) {
            if (state != "fence") state = "unknown";
            continue;
        }
        last_online_[n.name] = model_.now();
        if (state == "fence") continue;  // it counts again when it has been fenced
        const auto lrm = lrm_.find(n.name);
        state = lrm != lrm_.end() && lrm->second.mode == "maintenance" ? "maintenance" : "online";
    }
}

void ha_crm::look_at_resources() {
    std::erase_if(status_.services, [&](const auto& s) {
        const ha_resource* r = config_.find(s.first);
        return r == nullptr || r->state == "ignored";
    });
    for (const ha_resource& r : config_.resources) {
        if (r.state == "ignored") continue;
        const auto place = model_.files(self_).find(r.guest.id);
        if (!place) continue;
        const auto [entry, is_new] = status_.services.try_emplace(sid_of(r.guest));
        if (!is_new) continue;
        entry->second.node = place->node;
        change(entry->second, r.wants_to_run() ? "request_start" : "request_stop");
    }
}

void ha_crm::obey_commands() {
    const auto text = model_.files(self_).tree().read("ha/crm_commands");
    if (!text || text->empty()) return;
    ha_.write("ha/crm_commands", "");
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream in(line);
        std::vector<std::string> words;
        for (std::string word; in >> word;) words.push_back(word);
        if (words.size() == 1 && words[0] == "arm-ha") status_.disarmed.clear();
        if (words.size() >= 2) obey(words);
    }
}

void ha_crm::obey(const std::vector<std::string>& words) {
    const node_name last(words.back());
    if (words[0] == "disarm-ha") {
        status_.disarmed = words[1];
        return;
    }
    if (words[0] == "enable-node-maintenance") {
        if (model_.find_node(last) != nullptr) status_.maintenance.insert(last);
        return;
    }
    if (words[0] == "disable-node-maintenance") {
        status_.maintenance.erase(last);
        return;
    }
    const auto service = status_.services.find(words[1]);
    const ha_resource* r = config_.find(words[1]);
    if (words.size() != 3 || service == status_.services.end() || r == nullptr) return;
    if (words[0] == "stop") {
        ha_.set_state(r->guest, "stopped");
        config_ = ha_config::read(model_.files(self_).tree());
        service->second.timeout = std::strtoll(words[2].c_str(), nullptr, 10);
    } else if (status_.node_state(last) == "online") {
        service->second.command = words[0];
        service->second.wanted = last;
    }
}

bool ha_crm::change(ha_service& s, const std::string& state) {
    s.state = state;
    s.uid = ha_.new_uid();
    s.running = false;
    if (state != "migrate" && state != "relocate") s.target = node_name();
    if (state != "request_stop" && state != "stopped") s.timeout.reset();
    return true;
}

const ha_lrm_status::outcome* ha_crm::result_of(const ha_service& s) const {
    const auto lrm = lrm_.find(s.node);
    if (lrm == lrm_.end()) return nullptr;
    const auto found = lrm->second.results.find(s.uid);
    return found == lrm->second.results.end() ? nullptr : &found->second;
}

bool ha_crm::step_all() {
    bool moved = false;
    for (auto& [sid, service] : status_.services)
        if (step(sid, service)) moved = true;
    return moved;
}

bool ha_crm::step(const std::string& sid, ha_service& s) {
    const ha_resource* r = config_.find(sid);
    if (r == nullptr) return false;
    if (!status_.disarmed.empty() && (s.state == "request_start" || s.state == "started" || s.state == "stopped"))
        return change(s, "freeze");
    if (s.state == "request_start") return change(s, "started");
    if (s.state == "started") return step_started(sid, s, *r);
    if (s.state == "request_stop") return step_request_stop(sid, s);
    if (s.state == "migrate" || s.state == "relocate") return step_moving(sid, s, *r);
    if (s.state == "stopped") return step_stopped(sid, s, *r);
    if (s.state == "recovery") return step_recovery(sid, s, *r);
    if (s.state == "freeze") return step_freeze(sid, s, *r);
    if (s.state == "error" && r->state == "disabled") return change(s, "stopped");
    return false;
}

bool ha_crm::fence_if_gone(ha_service& s) { return is_long_offline(s.node) && change(s, "fence"); }

/// True when a wish of a crm command is taken up.
bool ha_crm::follow_command(ha_service& s) {
    if (s.command.empty()) return false;
    const std::string what = std::exchange(s.command, "");
    const node_name to = std::exchange(s.wanted, node_name());
    if (to == s.node || status_.node_state(to) != "online") return false;
    s.target = to;
    return change(s, what);
}

bool ha_crm::step_started(const std::string& sid, ha_service& s, const ha_resource& r) {
    if (!is_online(s.node)) return fence_if_gone(s);
    if (!r.wants_to_run()) return change(s, "request_stop");
    if (lrm_[s.node].mode == "restart") return change(s, "freeze");
    if (lrm_[s.node].mode == "shutdown") return false;
    if (follow_command(s)) return true;
    bool elsewhere = false;
    if (step_result(sid, s, r, elsewhere)) return true;
    return step_placement(sid, s, elsewhere);
}

/// What the LRM made of the start; `elsewhere` when this node has failed too often.
bool ha_crm::step_result(const std::string& sid, ha_service& s, const ha_resource& r, bool& elsewhere) {
    const auto* result = result_of(s);
    if (result == nullptr) return false;
    if (result->exit_code == 0) {
        s.running = true;
        s.failed_nodes.clear();
        status_.relocate_trial.erase(sid);
        return false;
    }
    if (result->exit_code != try_again || status_.relocate_trial[sid] >= r.max_relocate) {
        status_.relocate_trial.erase(sid);
        return change(s, "error");
    }
    ++status_.relocate_trial[sid];
    s.failed_nodes.push_back(s.node);
    elsewhere = true;
    return false;
}

bool ha_crm::step_placement(const std::string& sid, ha_service& s, bool elsewhere) {
    ha_config::wish w;
    w.sid = sid;
    w.current = s.node;
    w.elsewhere = elsewhere;
    w.not_there = s.failed_nodes;
    const bool is_maintained = status_.node_state(s.node) == "maintenance";
    if (!s.maintenance_node.empty() && status_.node_state(s.maintenance_node) == "online") {
        const node_name home = std::exchange(s.maintenance_node, node_name());
        if (home == s.node) return false;
        s.target = home;
        return change(s, "migrate");
    }
    if (!s.maintenance_node.empty() && !elsewhere && !is_maintained) return false;
    const auto to = config_.choose(w, usable_nodes(), status_.services);
    if (to && *to != s.node) {
        if (is_maintained && s.maintenance_node.empty()) s.maintenance_node = s.node;
        s.target = *to;
        return change(s, elsewhere ? "relocate" : "migrate");
    }
    return elsewhere && change(s, "started");  // nowhere else to go: here once more
}

bool ha_crm::step_request_stop(const std::string& sid, ha_service& s) {
    (void)sid;
    if (!is_online(s.node)) return fence_if_gone(s);
    const auto* result = result_of(s);
    if (result == nullptr) return false;
    return change(s, result->exit_code == 0 ? "stopped" : "error");
}

bool ha_crm::step_moving(const std::string& sid, ha_service& s, const ha_resource& r) {
    (void)sid;
    if (!is_online(s.node)) return fence_if_gone(s);
    const auto* result = result_of(s);
    if (result == nullptr) return false;
    if (result->exit_code == 0) s.node = s.target;
    return change(s, r.wants_to_run() ? "started" : "request_stop");
}

bool ha_crm::step_stopped(const std::string& sid, ha_service& s, const ha_resource& r) {
    (void)sid;
    if (const auto place = model_.files(self_).find(r.guest.id)) s.node = place->node;
    if (follow_command(s)) return true;
    return r.wants_to_run() && change(s, "request_start");
}

bool ha_crm::step_freeze(const std::string& sid, ha_service& s, const ha_resource& r) {
    (void)sid;
    if (!status_.disarmed.empty() || !is_online(s.node) || lrm_[s.node].mode != "active") return false;
    return change(s, r.wants_to_run() ? "started" : "request_stop");
}

bool ha_crm::step_recovery(const std::string& sid, ha_service& s, const ha_resource& r) {
    ha_config::wish w;
    w.sid = sid;
    w.current = s.node;
    const auto to = config_.choose(w, usable_nodes(), status_.services);
    if (!to) return r.state == "disabled" && change(s, "stopped");
    steal(r.guest, s.node, *to);
    s.node = *to;
    return change(s, r.wants_to_run() ? "started" : "request_stop");
}

/// The reference procedure of pve-facts E.5: stale locks go, then one rename moves the guest.
void ha_crm::steal(guest_id guest, const node_name& from, const node_name& to) {
    const auto place = model_.files().find(guest.id);
    if (!place || place->node != from || from == to) return;
    if (!model_.files().rename(config_files::path(from, place->guest), config_files::path(to, place->guest))) return;
    // Only now: the dead node cannot write.
    if (auto c = model_.config(to, place->guest); c && is_stale_lock(c->get("lock"))) {
        c->set("lock", "");
        (void)model_.files().write(to, place->guest, c->text());
    }
}

/// Nodes with services to fence: the agent lock is the proof that such a node is down (its LRM has not renewed it for
/// 120 s, so its watchdog has fired).
bool ha_crm::fence_nodes() {
    bool moved = false;
    std::set<node_name> wanted;
    for (const auto& [sid, s] : status_.services)
        if (s.state == "fence") wanted.insert(s.node);
    for (const node_name& node : wanted) {
        status_.nodes[node] = "fence";
        if (!ha_.hold(self_, ha_manager::agent_lock(node))) continue;
        ha_.drop(self_, ha_manager::agent_lock(node));
        status_.nodes[node] = "unknown";
        moved = true;
        for (auto& [sid, s] : status_.services)
            if (s.state == "fence" && s.node == node) change(s, "recovery");
    }
    return moved;
}

}  // namespace steward::sim
