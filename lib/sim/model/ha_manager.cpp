#include "sim/model/ha_manager.hpp"

#include "sim/model/cluster.hpp"
#include "sim/model/guest_migrate.hpp"
#include "sim/model/ha_crm.hpp"
#include "sim/model/ha_lrm.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

constexpr duration request_takes = 2s;  // recorded: hastart and hamigrate in clu-38, clu-39
constexpr duration collect_after = 5s;
constexpr const char* resources_file = "ha/resources.cfg";

const char* label(guest_id guest) { return guest.type == guest_type::ct ? "CT" : "VM"; }

}  // namespace

class ha_manager::node_daemons {
  public:
    node_daemons(cluster& model, ha_manager& ha, const node_name& name)
        : node(name), crm(model, ha, name), lrm(model, ha, name) {}
    node_name node;
    time_point booted{};
    ha_crm crm;
    ha_lrm lrm;
};

ha_view::ha_view(const cluster& model, const node_name& at)
    : config(ha_config::read(model.files(at).tree())), status(model.ha().status(at)) {}

bool ha_view::is_managed(guest_id guest) const {
    const ha_resource* r = config.find(guest);
    return r != nullptr && r->state != "ignored";
}

std::string ha_view::short_state_of(guest_id guest) const {
    const ha_resource* r = config.find(guest);
    const auto s = status->services.find(sid_of(guest));
    if (s != status->services.end()) return s->second.state;
    return r == nullptr ? std::string() : r->state;
}

std::string ha_view::state_of(guest_id guest) const {
    const ha_resource* r = config.find(guest);
    const auto found = status->services.find(sid_of(guest));
    if (r != nullptr && r->state == "ignored") return "ignored";
    if (found == status->services.end()) return r == nullptr ? "" : "queued";
    const ha_service& s = found->second;
    if (r == nullptr) return "deleting";
    if (s.state == "started" && !s.running) return "starting";
    if (s.state == "error" && r->state == "disabled") return "clearing error flag";
    if (s.state == "stopped" && r->state == "disabled") return "disabled";
    return s.state;
}

ha_manager::ha_manager(cluster& model) : model_(model) {
    for (const sim_node& n : model.nodes()) daemons_.push_back(std::make_unique<node_daemons>(model, *this, n.name));
    if (has_work()) wake();
}

ha_manager::~ha_manager() = default;

std::shared_ptr<const ha_manager_status> ha_manager::status(const node_name& seen_from) const {
    return status_file_.in(model_.files(seen_from).tree());
}

bool ha_manager::has_work() const {
    if (!model_.files().tree().holds(resources_file, "")) return true;
    return std::any_of(daemons_.begin(), daemons_.end(),
                       [](const auto& d) { return d->crm.is_master() || d->lrm.is_active() || d->lrm.is_leaving(); });
}

void ha_manager::wake() {
    if (awake_) return;
    awake_ = true;
    ++generation_;
    // The daemons of a node have no common beat, and those of two nodes neither; but the same in every run.
    duration offset{};
    for (std::size_t i = 0; i < daemons_.size(); ++i, offset += 700ms) {
        model_.at(model_.now() + 500ms + offset, [this, i, g = generation_] { run_crm(i, g); });
        model_.at(model_.now() + 3s + offset, [this, i, g = generation_] { run_lrm(i, g); });
    }
}

void ha_manager::sleep_if_idle() {
    if (!has_work()) awake_ = false;
}

/// While the membership changes every write waits, and so do they.
bool ha_manager::is_standing_still(const node_name& node) const {
    return model_.find_node(node)->frozen || model_.is_blocked(node);
}

/// Whether the node's daemons run; they begin anew after a boot.
bool ha_manager::is_working(node_daemons& d) {
    const sim_node* n = model_.find_node(d.node);
    if (n->powered && n->booted == d.booted) return true;
    d.crm.forget();
    d.lrm.forget();
    std::erase_if(watchdogs_, [&](const auto& f) { return f.first.first == d.node; });
    d.booted = n->booted;
    return n->powered;
}

void ha_manager::run_crm(std::size_t node, std::uint64_t generation) {
    if (generation != generation_ || !awake_) return;
    duration next = 5s;
    if (is_standing_still(daemons_[node]->node))
        next = 1s;
    else if (is_working(*daemons_[node]))
        next = daemons_[node]->crm.round();
    sleep_if_idle();
    model_.at(model_.now() + next, [this, node, generation] { run_crm(node, generation); });
}

void ha_manager::run_lrm(std::size_t node, std::uint64_t generation) {
    if (generation != generation_ || !awake_) return;
    duration next = 5s;
    if (is_standing_still(daemons_[node]->node))
        next = 1s;
    else if (is_working(*daemons_[node]))
        next = daemons_[node]->lrm.round();
    if (next > collect_after)
        model_.at(model_.now() + collect_after, [this, node] {
            if (!is_standing_still(daemons_[node]->node) && is_working(*daemons_[node])) daemons_[node]->lrm.collect();
        });
    sleep_if_idle();
    model_.at(model_.now() + next, [this, node, generation] { run_lrm(node, generation); });
}

bool ha_manager::is_managed(const node_name& seen_from, guest_id guest) const {
    return ha_view(model_, seen_from).is_managed(guest);
}

void ha_manager::add(guest_id guest) {
    auto all = section_config::parse(model_.files().tree().read(resources_file).value_or(""));
    if (all.find(to_string(guest.id)) != nullptr) return;
    all.sections.emplace_back(guest.type == guest_type::ct ? "ct" : "vm", to_string(guest.id));
    all.sections.back().values["state"] = "started";
    write(resources_file, all.text());
    wake();
}

void ha_manager::fail(guest_id guest) {
    constexpr const char* status_file = "ha/manager_status";
    const auto place = model_.files().find(guest.id);
    if (!place) return;
    add(guest);
    auto status = ha_manager_status::parse(model_.files().tree().read(status_file).value_or(""));
    ha_service& s = status.services[sid_of(guest)];
    s.state = "error";
    s.node = place->node;
    s.uid = new_uid();
    s.running = false;
    write(status_file, status.text());
}

bool ha_manager::remove(guest_id guest, bool purge) {
    auto all = section_config::parse(model_.files().tree().read(resources_file).value_or(""));
    if (all.find(to_string(guest.id)) == nullptr) return false;
    all.remove(to_string(guest.id));
    write(resources_file, all.text());
    auto rules = section_config::parse(model_.files().tree().read("ha/rules.cfg").value_or(""));
    if (!purge || rules.sections.empty()) return true;
    for (config_section& rule : rules.sections) {
        std::string rest;
        const std::string list = "," + rule.get("resources") + ",";
        for (std::size_t at = 1; at < list.size();) {
            const std::size_t end = list.find(',', at);
            const std::string word = list.substr(at, end - at);
            if (!word.empty() && word != sid_of(guest)) rest += (rest.empty() ? "" : ",") + word;
            at = end + 1;
        }
        rule.values["resources"] = rest;
    }
    std::erase_if(rules.sections, [](const config_section& rule) { return rule.get("resources").empty(); });
    write("ha/rules.cfg", rules.text());
    return true;
}

void ha_manager::set_state(guest_id guest, const std::string& state) {
    auto all = section_config::parse(model_.files().tree().read(resources_file).value_or(""));
    config_section* entry = all.find(to_string(guest.id));
    if (entry == nullptr) return;
    entry->values["state"] = state;
    write(resources_file, all.text());
    wake();
}

void ha_manager::command(const std::string& line) {
    write("ha/crm_commands", model_.files().tree().read("ha/crm_commands").value_or("") + line + "\n");
    wake();
}

std::string ha_manager::begin_request(const node_name& node, guest_id guest, const std::string& user, const char* type,
                                      const std::string& command, std::function<void()> wish) {
    task_work w(type, to_string(guest.id), request_takes);
    w.finish = [this, node, command, wish = std::move(wish)](const std::string&) -> std::string {
        if (!model_.is_quorate(node)) return fmt::format("command '{}' failed: exit code 255", command);
        wish();
        return "OK";
    };
    return model_.start_task(node, user, std::move(w));
}

std::string ha_manager::begin_start(const node_name& node, guest_id guest, const std::string& user) {
    const std::string upid =
        begin_request(node, guest, user, "hastart", fmt::format("ha-manager set {} --state started", sid_of(guest)),
                      [this, guest] { set_state(guest, "started"); });
    model_.log_line(upid, fmt::format("Requesting HA start for {} {}", label(guest), guest.id.number()));
    return upid;
}

std::string ha_manager::begin_stop(const node_name& node, guest_id guest, const std::string& user, duration timeout) {
    const std::string line = fmt::format("stop {} {}", sid_of(guest), timeout / 1s);
    const std::string upid =
        begin_request(node, guest, user, "hastop", "ha-manager crm-command " + line, [this, line] { command(line); });
    model_.log_line(upid, fmt::format("Requesting HA stop for {} {}", label(guest), guest.id.number()));
    return upid;
}

std::string ha_manager::begin_migrate(const node_name& node, guest_id guest, const std::string& user,
                                      const node_name& target) {
    const std::string line = fmt::format("migrate {} {}", sid_of(guest), target.str());
    const std::string upid =
        begin_request(node, guest, user, "hamigrate", "ha-manager " + line, [this, line] { command(line); });
    model_.log_line(upid, fmt::format("Requesting HA migration for {} {} to node {}", label(guest), guest.id.number(),
                                      target.str()));
    return upid;
}

void ha_manager::leave(const node_name& node, bool comes_back, std::function<void()> done) {
    for (const auto& d : daemons_)
        if (d->node == node && awake_ && is_working(*d)) return d->lrm.leave(comes_back, std::move(done));
    done();
}

bool ha_manager::hold(const node_name& by, const std::string& name) {
    if (model_.refresh_lock(by, name)) return true;
    if (model_.acquire_lock(by, name)) return true;
    const auto gone = model_.request_unlock(by, name);
    return gone && *gone && model_.acquire_lock(by, name);
}

void ha_manager::drop(const node_name& by, const std::string& name) { (void)model_.release_lock(by, name); }

void ha_manager::feed(const node_name& node, const char* daemon) {
    sim_node* n = model_.find_node(node);
    const std::pair key(node, std::string(daemon));
    if (const auto known = watchdogs_.find(key); known != watchdogs_.end())
        n->watchdog.feed(known->second, model_.now());
    else if (const auto client = n->watchdog.connect(model_.now()))
        watchdogs_.emplace(key, *client);
    model_.watch_watchdog(node);
}

void ha_manager::disarm(const node_name& node, const char* daemon) {
    const auto known = watchdogs_.find({node, daemon});
    if (known == watchdogs_.end()) return;
    model_.find_node(node)->watchdog.close(known->second, true, model_.now());
    watchdogs_.erase(known);
}

void ha_manager::write(const std::string& path, const std::string& text) { model_.files().tree().write(path, text); }

std::string ha_manager::new_uid() {
    // 22 characters of base64, as PVE's are; never the same twice.
    static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::uint64_t seed =
        ++uids_ * 0x9E3779B97F4A7C15ULL + static_cast<std::uint64_t>(model_.now().time_since_epoch().count());
    std::string uid;
    for (int i = 0; i < 22; ++i) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        uid += alphabet[seed >> 58U];
    }
    return uid;
}

std::string ha_manager::begin_move(const node_name& node, guest_id guest, const node_name& target) {
    migrate_order order;
    order.guest = guest;
    order.target = target;
    order.online = model_.is_running(node, guest);
    order.with_local_disks = true;
    return begin_migration(model_, node, "root@pam", std::move(order));
}

}  // namespace steward::sim
