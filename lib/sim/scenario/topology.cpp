#include "sim/scenario/topology.hpp"

#include "base/time.hpp"
#include "config/sim_script.hpp"
#include "core/fencing/self_fence.hpp"
#include "sim/scenario/left_records.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <functional>
#include <map>
#include <utility>

namespace steward::sim::scenario {

namespace {

constexpr const char* backup_store = "pbs";
constexpr const char* guest_store = "local";

std::optional<int> whole_number(std::string_view text) {
    int value = 0;
    const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<config::on_shutdown> on_shutdown_of(const std::string& word) {
    if (word == "conditional") return config::on_shutdown::conditional;
    if (word == "freeze") return config::on_shutdown::freeze;
    if (word == "failover") return config::on_shutdown::failover;
    if (word == "evacuate") return config::on_shutdown::evacuate;
    return std::nullopt;
}

std::vector<std::string> items_of(const std::string& list) {
    std::vector<std::string> items;
    for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        std::string item = list.substr(begin, end - begin);
        while (item.starts_with(' ')) item.erase(0, 1);
        if (!item.empty()) items.push_back(std::move(item));
        begin = end + 1;
    }
    return items;
}

/// "64G" in MiB.
std::optional<std::uint32_t> size_of(const std::string& text) {
    if (text.size() < 2 || text.size() > 6 || (text.back() != 'G' && text.back() != 'M')) return std::nullopt;
    const auto count = whole_number(std::string_view(text).substr(0, text.size() - 1));
    if (!count || *count < 1) return std::nullopt;
    return static_cast<std::uint32_t>(*count) * (text.back() == 'G' ? 1024U : 1U);
}

guest_options guest_at(const char* word, const std::string& node) {
    const auto guest = parse_guest_word(word);
    guest_options g(*guest, node_name(node));
    g.storage = storage_id(guest_store);
    return g;
}

bool contains(const std::vector<node_name>& all, const node_name& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

/// What a name of the catalogue stands for.
class shape {
  public:
    int nodes = 3;
    std::vector<guest_options> guests;
    bool has_qdevice = false;
    bool has_agents = false;
    bool is_shared = false;  ///< all disks on shared storage
    lease::contract promise = lease::contract::watchdog;
    bool accepts_weak = false;
};

std::optional<shape> shape_of(const std::string& name) {
    shape s;
    if (name.empty()) return s;
    const std::size_t digits = name.find_first_of("0123456789");
    std::size_t end = digits;
    while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
    const auto nodes =
        digits == 1 && name[0] == 'c' ? whole_number(std::string_view(name).substr(1, end - 1)) : std::nullopt;
    const std::string rest = nodes ? name.substr(end) : "?";
    if (!nodes || *nodes < 1 || *nodes > 32) return std::nullopt;
    s.nodes = *nodes;
    if (rest == "q")
        s.has_qdevice = true;
    else if (rest == "sh")
        s.is_shared = true;
    else if (rest == "a")
        s.has_agents = true;
    else if (rest == "w0")
        s.promise = lease::contract::none;
    else if (rest == "weak")
        s.promise = lease::contract::selfstop;
    else if (!rest.empty())
        return std::nullopt;
    s.accepts_weak = rest == "weak";
    for (int i = 1; i <= s.nodes; ++i) {
        // ct101@n1 ct102@n2 vm103@n3, ct104@n4 vm105@n5, and containers beyond.
        const bool is_vm = i == 3 || i == 5;
        s.guests.push_back(guest_at(fmt::format("{}{}", is_vm ? "vm" : "ct", 100 + i).c_str(), fmt::format("n{}", i)));
    }
    return s;
}

/// Applies settings one by one; what it does not know is an error, because a scenario that silently tests something
/// else is worse than none.
class builder {
  public:
    explicit builder(const config::sim_scenario& scenario) : scenario_(scenario) {}

    result<topology> build() {
        const auto shape = shape_of(scenario_.topology);
        if (!shape) return fault(errc::invalid, "topology", fmt::format("\"{}\" is no topology", scenario_.topology));
        nodes_ = shape->nodes;
        guests_ = shape->guests;
        for (const config::sim_setting& s : scenario_.settings) {
            if (auto ok = apply_to_cluster(s); !ok) return ok.error();
            last_key_ = s.key;
        }
        out_.cluster = make_options(nodes_, guests_);
        out_.cluster.has_qdevice = shape->has_qdevice || has_qdevice_;
        out_.cluster.tokens.emplace_back(operator_token, operator_secret, false);
        name_backup_store();
        if (shape->is_shared)
            for (guest_options& g : out_.cluster.guests) g.storage = storage_id("nfs-vm");
        configure();
        add_hooks();
        out_.promise = shape->promise;
        out_.has_agents = shape->has_agents;
        membership_.nodes = nodes_;
        membership_.has_qdevice = out_.cluster.has_qdevice;
        membership_.coefficient = std::chrono::milliseconds(125);  // of clusters since PVE 9.1 (reliability P15)
        for (config::guest& g : out_.steward.guests) g.failover.accept_weak_fence = shape->accepts_weak;
        for (const config::sim_setting& s : scenario_.settings)
            if (auto ok = apply(s); !ok) return ok.error();
        for (const config::sim_setting& s : scenario_.params)
            if (auto ok = apply(s); !ok) return ok.error();
        for (const node_name& n : out_.cluster.nodes)
            if (contains(out_.off, out_.leader) && !contains(out_.off, n)) out_.leader = n;
        out_.no_promise = fencing::promise_refusal(membership_).code;
        out_.cluster.takes = takes_;
        for (const std::string& record : out_.records)
            if (auto known = left_records(record, out_.cluster, {}); !known) return known.error();
        return std::move(out_);
    }

  private:
    fault unknown(const config::sim_setting& s) const {
        return fault(errc::invalid, "topology",
                     fmt::format("line {}: this version does not know \"{}\"{}", s.line, s.key,
                                 s.value.empty() ? "" : " with the value " + s.value));
    }

    /// What decides which nodes and guests there are.
    result<void> apply_to_cluster(const config::sim_setting& s) {
        if (s.key == "ha") {
            for (const std::string& item : items_of(s.value))
                if (item.find('@') != std::string::npos && !add_ha_guest(item)) return unknown(s);
        } else if (s.key == "together") {
            return gather_at(s);
        } else if (s.key == "nodes") {
            const auto count = whole_number(s.value);
            if (!count || *count < 1 || *count > 32) return unknown(s);
            nodes_ = *count;
        } else if (s.key == "qdevice") {
            has_qdevice_ = s.value == "true";
        } else if (s.key == "guests") {
            const auto count = whole_number(s.value);
            if (!s.value.empty() && (!count || *count < 1 || *count > 500)) return unknown(s);
            if (count) return fill_up(static_cast<std::size_t>(*count));
            guests_.clear();
        } else if (s.key == "on" && last_key_ == "guests") {
            has_place_word_ = true;
        } else if (std::exchange(has_place_word_, false)) {
            return gather_on(s);
        } else if (s.key.starts_with("guests.")) {
            return apply_to_guest(s);
        } else if (s.key.starts_with('+')) {
            const std::size_t at = s.key.find('@');
            const bool is_template = s.key.starts_with("+tmpl");
            const std::string word = (is_template ? "ct" + s.key.substr(5, at - 5) : s.key.substr(1, at - 1));
            if (at == std::string::npos || !parse_guest_word(word)) return unknown(s);
            guests_.push_back(guest_at(word.c_str(), s.key.substr(at + 1)));
            guests_.back().is_template = is_template;
            if (is_template) guests_.back().running = false;
        }
        return {};
    }

    /// "vm113@n3": Steward is not configured for it.
    bool add_ha_guest(const std::string& word) {
        const std::size_t at = word.find('@');
        if (!parse_guest_word(word.substr(0, at))) return false;
        guests_.push_back(guest_at(word.substr(0, at).c_str(), word.substr(at + 1)));
        others_.insert(guests_.back().guest);
        return true;
    }

    /// So many in all: more containers on the nodes in turn.
    result<void> fill_up(std::size_t count) {
        for (int i = 0; guests_.size() < count; ++i)
            guests_.push_back(guest_at(fmt::format("ct{}", 200 + i).c_str(), fmt::format("n{}", (i % nodes_) + 1)));
        return {};
    }

    /// "together=[ct104,ct114]@n4": both are there, and belong together.
    result<void> gather_at(const config::sim_setting& s) {
        const std::size_t end = s.value.find("]@");
        if (!s.value.starts_with('[') || end == std::string::npos) return unknown(s);
        const node_name node(s.value.substr(end + 2));
        for (const std::string& word : items_of(s.value.substr(1, end - 1))) {
            const auto guest = parse_guest_word(word);
            if (!guest) return unknown(s);
            auto known = std::find_if(guests_.begin(), guests_.end(), [&](const auto& g) { return g.guest == *guest; });
            if (known == guests_.end()) known = guests_.insert(guests_.end(), guest_at(word.c_str(), "n1"));
            known->node = node;
        }
        return {};
    }

    /// "guests=10 on n4,n5": all of them there in turn, each more important than the one before.
    result<void> gather_on(const config::sim_setting& s) {
        place_word_ = s.key;
        const std::vector<std::string> nodes = items_of(s.key);
        for (const std::string& n : nodes)
            if (n.size() < 2 || n[0] != 'n' || whole_number(n.substr(1)).value_or(0) < 1 ||
                whole_number(n.substr(1)).value_or(0) > nodes_)
                return unknown(s);
        for (std::size_t i = 0; i < guests_.size(); ++i) {
            guests_[i].node = node_name(nodes[i % nodes.size()]);
            priorities_[guests_[i].guest] = static_cast<int>(i);
        }
        return {};
    }

    /// "guests.ct101.node" = "n1"
    result<void> apply_to_guest(const config::sim_setting& s) {
        if (is_named_) guests_.clear();
        is_named_ = false;
        const std::size_t dot = s.key.rfind('.');
        const std::string word = s.key.substr(7, dot - 7);
        const auto guest = parse_guest_word(word);
        if (!guest) return unknown(s);
        auto known = std::find_if(guests_.begin(), guests_.end(), [&](const auto& g) { return g.guest == *guest; });
        if (known == guests_.end()) known = guests_.insert(guests_.end(), guest_at(word.c_str(), "n1"));
        const std::string what = s.key.substr(dot + 1);
        if (what == "node")
            known->node = node_name(s.value);
        else if (what != "type")
            return unknown(s);
        return {};
    }

    /// The catalogue calls it "pbs".
    void name_backup_store() {
        for (storage_options& s : out_.cluster.storages)
            if (s.id == storage_id("backup")) s.id = storage_id(backup_store);
        for (acl_entry& a : out_.cluster.acl)
            if (a.path == "/storage/backup") a.path = fmt::format("/storage/{}", backup_store);
    }

    void configure() {
        out_.leader = node_name("n1");
        config::settings& s = out_.steward;
        s.run_mode = config::mode::armed;
        for (const guest_options& g : out_.cluster.guests) {
            if (g.is_template || others_.count(g.guest) != 0) continue;
            config::guest one;
            one.id = g.guest;
            one.restart.attempts = 0;
            if (const auto rank = priorities_.find(g.guest); rank != priorities_.end())
                one.failover.priority += rank->second;
            config::check c;
            c.name = "service";
            one.checks.push_back(c);
            s.guests.push_back(std::move(one));
        }
    }

    config::guest* find(const std::string& word) {
        const auto id = parse_guest_word(word);
        for (config::guest& g : out_.steward.guests)
            if (id && g.id.id == id->id) return &g;
        return nullptr;
    }

    result<void> apply(const config::sim_setting& s) {
        static const std::vector<std::string> done_before = {"nodes", "qdevice", "guests"};
        const bool is_done = std::find(done_before.begin(), done_before.end(), s.key) != done_before.end();
        const bool is_place = !place_word_.empty() && (s.key == "on" || s.key == place_word_);
        if (is_done || is_place || s.key.starts_with("guests.") || s.key.starts_with('+')) return {};
        if (s.value.empty() && s.key == "config") {
            has_config_word_ = true;
            return {};
        }
        if (has_config_word_ && s.value.empty() && s.key.find('@') != std::string::npos) return move_config(s);
        if (s.value.empty() && (s.key == "storage" || !storage_words_.empty())) return about_storage(s);
        const std::size_t dot = s.key.find('.');
        if (dot != std::string::npos && parse_guest_word(s.key.substr(0, dot)))
            return apply_to_one(s, s.key.substr(0, dot), s.key.substr(dot + 1));
        const node_name node(s.key.substr(0, dot == std::string::npos ? 0 : dot));
        const auto& nodes = out_.cluster.nodes;
        if (s.key.ends_with(".free") && size_of(s.value) &&
            std::find(nodes.begin(), nodes.end(), node) != nodes.end()) {
            out_.free_memory[node] = std::uint64_t{*size_of(s.value)} << 20U;
            return {};
        }
        if (s.key == "others" && size_of(s.value)) {
            for (const node_name& n : nodes) out_.free_memory.try_emplace(n, std::uint64_t{*size_of(s.value)} << 20U);
            return {};
        }
        return apply_to_all(s);
    }

    /// "config vm103@n2", word by word
    result<void> move_config(const config::sim_setting& s) {
        const std::size_t at = s.key.find('@');
        const auto guest = parse_guest_word(s.key.substr(0, at));
        const node_name node(s.key.substr(at + 1));
        if (!guest || !contains(out_.cluster.nodes, node)) return unknown(s);
        out_.moved[*guest] = node;
        return {};
    }

    /// "storage local-zfs absent on n1", word by word: the guests' own storage, whatever it is called.
    result<void> about_storage(const config::sim_setting& s) {
        storage_words_.push_back(s.key);
        if (storage_words_.size() < 5) return {};
        const std::vector<std::string> w = std::exchange(storage_words_, {});
        const node_name node(w[4]);
        if (w[2] != "absent" || w[3] != "on" || !contains(out_.cluster.nodes, node)) return unknown(s);
        std::string others;
        for (const node_name& n : out_.cluster.nodes)
            if (n != node) others += (others.empty() ? "" : ",") + n.str();
        for (storage_options& o : out_.cluster.storages)
            if (o.id == storage_id(guest_store)) o.more["nodes"] = others;
        return {};
    }

    result<void> apply_to_one(const config::sim_setting& s, const std::string& guest, const std::string& what) {
        config::guest* g = find(guest);
        const auto id = parse_guest_word(guest);
        const auto model = std::find_if(out_.cluster.guests.begin(), out_.cluster.guests.end(),
                                        [&](const auto& o) { return o.guest.id == id->id; });
        if (g == nullptr || model == out_.cluster.guests.end()) return unknown(s);
        const auto count = whole_number(s.value);
        if (what == "targets") {
            for (const std::string& node : items_of(s.value)) g->failover.targets.emplace_back(node);
            if (g->failover.targets.empty())
                for (const node_name& n : out_.cluster.nodes) g->failover.avoid.push_back(n);
        } else if (what == "max_restart" && count) {
            g->restart.attempts = *count;
        } else if (what == "max_relocate" && count) {
            g->failover.attempts = *count + 1;
        } else if (what == "protection") {
            model->is_protected = s.value == "1";
        } else if (what == "probe" && s.value.starts_with("http://")) {
            out_.named_checks.insert(g->id);
        } else if (what == "probe" && s.value.starts_with("tcp:")) {
            // Nothing listens there and never did.
            out_.faults.push_back(fmt::format("probe {} fail forever", guest));
        } else if (what == "mode" && (s.value == "ignore" || s.value == "auto")) {
            g->failover.enabled = s.value == "auto";
        } else if (what == "bindmount" && s.value.starts_with('/')) {
            model->config = fmt::format(
                "hostname: {0}\nmemory: 512\nmp0: {1},mp={1}\nnet0: "
                "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:{2:02X},ip=dhcp,type=veth\n"
                "onboot: 1\nostype: debian\nrootfs: {3}:vm-{4}-disk-0,size=8G\n",
                short_name(*id), s.value, id->id.number() % 256, model->storage.str(), id->id.number());
        } else if (what == "passthrough" && s.value == "true" && id->type == guest_type::vm) {
            model->config = fmt::format(
                "name: {0}\nmemory: 512\nhostpci0: 0000:01:00.0\nnet0: virtio=BC:24:11:00:00:{1:02X},bridge=vmbr0\n"
                "onboot: 1\nscsi0: {2}:vm-{3}-disk-0,size=8G\n",
                short_name(*id), id->id.number() % 256, model->storage.str(), id->id.number());
        } else if (what == "start_period" && config::parse_sim_time(s.value)) {
            for (config::check& c : g->checks) c.start_period = *config::parse_sim_time(s.value);
        } else if (what == "failback" && (s.value == "auto" || s.value == "manual")) {
            g->failover.fails_back = s.value == "auto";
        } else if (what == "mem" && size_of(s.value)) {
            model->memory_mib = *size_of(s.value);
        } else {
            return unknown(s);
        }
        return {};
    }

    /// The program for one kind of hook, for all guests: it is there as soon as a scenario speaks of hooks.
    void add_hooks() {
        const auto speaks_of_hooks = [](const config::sim_step& step) {
            return std::any_of(step.commands.begin(), step.commands.end(), [](const std::string& c) {
                return c.starts_with("hook ") || (c.starts_with("crash-at ") && c.ends_with("-hook"));
            });
        };
        const auto& steps = scenario_.script.steps;
        if (std::none_of(steps.begin(), steps.end(), speaks_of_hooks)) return;
        for (config::guest& g : out_.steward.guests)
            for (auto [set, name] : {std::pair(&g.own_hooks.handover.pre, "/hook/pre"),
                                     {&g.own_hooks.handover.post, "/hook/post"},
                                     {&g.own_hooks.handover.failed, "/hook/failed"}}) {
                config::hook h;
                h.command = {name};
                set->push_back(std::move(h));
            }
    }

    bool apply_to_hooks(const config::sim_setting& s) {
        const auto time = config::parse_sim_time(s.value);
        const bool is_required = s.key == "hook.pre.required" && s.value == "true";
        if (!is_required && (s.key != "hook_timeout" || !time)) return false;
        for (config::guest& g : out_.steward.guests)
            for (config::hook& h : g.own_hooks.handover.pre) {
                h.is_required = h.is_required || is_required;
                if (time) h.timeout = *time;
            }
        return true;
    }

    result<void> apply_to_all(const config::sim_setting& s) {
        const auto time = config::parse_sim_time(s.value);
        const auto count = whole_number(s.value);
        if (apply_to_policy(s) || apply_to_corosync(s, count) || apply_to_hooks(s)) {
            return {};
        } else if (s.key == "record") {
            out_.records.push_back(s.value);
            // Whoever was to be fenced has been: it is off until the script switches it on.
            const std::string suffix = ":fence-requested";
            if (s.value.ends_with(suffix)) out_.off.emplace_back(s.value.substr(0, s.value.size() - suffix.size()));
        } else if ((s.key == "wd" && s.value == "softdog") || (s.key == "strategy" && s.value == "restore") ||
                   (s.key == "pbs.max" && s.value == "2")) {
            return {};  // so it is anyway
        } else if (s.key == "record-format" && s.value == "v2" && !out_.cluster.guests.empty()) {
            out_.records.push_back(short_name(out_.cluster.guests.front().guest) + ":newer");
            out_.has_no_daemons = true;
        } else if (s.key == "auth" && s.value == "ticket") {
            out_.steward.pve.user = failover_user;
        } else if (s.key == "cluster_name" && s.value.empty()) {
            names_cluster_ = true;
        } else if (s.key == "mismatch" && names_cluster_) {
            out_.steward.pve.name = "another-cluster";
        } else if (s.key == "leader") {
            out_.leader = node_name(s.value);
        } else if (s.key == "off") {
            out_.is_off = true;
        } else if (s.key == "ha") {
            for (const std::string& item : items_of(s.value))
                if (!apply_to_ha(item)) return unknown(s);
        } else if (s.key == "restore_time" && time) {
            takes_.ct_restore = *time;
            takes_.vm_restore = *time;
        } else if (s.key == "restore_stall_timeout" && time) {
            for (config::guest& g : out_.steward.guests) g.failover.stall_timeout = *time;
        } else if (s.key == "max_relocate" && count) {
            for (config::guest& g : out_.steward.guests) g.failover.attempts = *count + 1;
        } else if ((s.key == "policy.cooldown" || s.key == "cooldown") && time) {
            for (config::guest& g : out_.steward.guests) g.failover.cooldown = *time;
        } else if (s.key == "contract" && lease::parse_contract(s.value)) {
            out_.promise = *lease::parse_contract(s.value);
        } else if (s.key == "accept_risk") {
            for (config::guest& g : out_.steward.guests) g.failover.accept_weak_fence = s.value == "true";
        } else if (s.key == "approval_ttl" && time) {
            for (config::guest& g : out_.steward.guests) g.failover.approval_ttl = *time;
        } else if (s.key == "leaders-forced" && count && *count >= 1 && *count <= nodes_) {
            out_.leaders = *count;
        } else if (s.key == "norestart" && s.value.empty()) {
            out_.restarts_daemons = false;
        } else if (s.key == "guard" && s.value == "failed") {
            out_.guards_fail = true;
        } else if (s.key == "backup_storage" && s.value.empty()) {
            names_backup_store_ = true;
        } else if (s.key == "slow" && s.value.empty() && names_backup_store_) {
            out_.faults.push_back(fmt::format("storage {} slow 1.5", backup_store));
        } else if (s.key == "agent" && (s.value == "false" || s.value == "true")) {
            out_.has_agents = s.value == "true";
        } else {
            return unknown(s);
        }
        return {};
    }

    /// "vm103", "vm103 error", "vm113@n3": a guest that only Proxmox HA knows; "vm103 at 300": the script adds it then.
    bool apply_to_ha(const std::string& item) {
        constexpr std::string_view failed = " error";
        const bool has_failed = item.ends_with(failed);
        const auto id =
            parse_guest_word(has_failed ? item.substr(0, item.size() - failed.size()) : item.substr(0, item.find('@')));
        if (!id) return item.find(" at ") != std::string::npos;
        out_.ha_managed.push_back(*id);
        if (has_failed) out_.ha_failed.push_back(*id);
        return true;
    }

    /// Rules for every guest.
    bool apply_to_policy(const config::sim_setting& s) {
        const auto count = whole_number(s.value);
        if (s.key == "policy.max_failovers_per_day" && count) {
            for (config::guest& g : out_.steward.guests) g.failover.max_per_day = *count;
        } else if (s.key == "policy.mode" && (s.value == "approve" || s.value == "auto")) {
            for (config::guest& g : out_.steward.guests) g.failover.approval = s.value == "approve";
        } else if (s.key == "policy.shutdown" && on_shutdown_of(s.value)) {
            for (config::guest& g : out_.steward.guests) g.failover.shutdown = *on_shutdown_of(s.value);
        } else if (s.key == "policy.evacuate_timeout" && config::parse_sim_time(s.value)) {
            for (config::guest& g : out_.steward.guests) g.failover.evacuate_timeout = *config::parse_sim_time(s.value);
        } else if (s.key == "policy.fresh_backup" && (s.value == "try" || s.value == "require")) {
            for (config::guest& g : out_.steward.guests)
                g.failover.before = s.value == "try" ? config::fresh_backup::attempt : config::fresh_backup::require;
        } else if (s.key == "policy.failback_stable" && config::parse_sim_time(s.value)) {
            for (config::guest& g : out_.steward.guests) g.failover.failback_stable = *config::parse_sim_time(s.value);
        } else if (s.key == "policy.reboot_grace" && config::parse_sim_time(s.value)) {
            for (config::guest& g : out_.steward.guests) g.failover.reboot_grace = *config::parse_sim_time(s.value);
        } else if (s.key == "strict" && (s.value == "true" || s.value == "false")) {
            for (config::guest& g : out_.steward.guests) g.failover.strict = s.value == "true";
        } else if (s.key == "separate") {
            return keep(items_of(s.value), &config::failover_policy::apart);
        } else if (s.key == "together") {
            return keep(items_of(s.value.substr(1, s.value.find(']') - 1)), &config::failover_policy::together);
        } else {
            return false;
        }
        return true;
    }

    bool keep(const std::vector<std::string>& words, std::vector<guest_id> config::failover_policy::*how) {
        for (const std::string& one : words)
            for (const std::string& other : words) {
                config::guest* g = find(one);
                const auto id = parse_guest_word(other);
                if (g == nullptr || !id) return false;
                if (g->id != *id) (g->failover.*how).push_back(*id);
            }
        return true;
    }

    /// What makes a promise impossible to keep (reliability E0, §1.4 two-node clusters).
    bool apply_to_corosync(const config::sim_setting& s, std::optional<int> count) {
        if (s.key == "corosync.two_node") {
            membership_.is_two_node = s.value == "1";
            return true;
        }
        if (s.key != "token_coefficient" || !count) return false;
        membership_.coefficient = std::chrono::milliseconds(*count);
        return true;
    }

    const config::sim_scenario& scenario_;
    fencing::membership membership_;
    topology out_;
    int nodes_ = 3;
    bool has_qdevice_ = false;
    std::vector<std::string> storage_words_;
    std::string last_key_;         ///< the word before
    bool has_place_word_ = false;  ///< it was "on"
    std::string place_word_;       ///< "n4,n5"
    std::map<guest_id, int> priorities_;
    bool has_config_word_ = false;     ///< the word before
    bool names_backup_store_ = false;  ///< the word before
    bool names_cluster_ = false;       ///< the word before
    bool is_named_ = true;             ///< the guests are still those of the name
    std::vector<guest_options> guests_;
    std::set<guest_id> others_;  ///< that Steward does not look after
    task_durations takes_;
};

}  // namespace

std::string short_name(guest_id guest) {
    return fmt::format("{}{}", guest.type == guest_type::ct ? "ct" : "vm", guest.id.number());
}

result<topology> make_topology(const config::sim_scenario& scenario) { return builder(scenario).build(); }

}  // namespace steward::sim::scenario
