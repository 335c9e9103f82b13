#include "sim/scenario/commands.hpp"

#include "sim/model/faults.hpp"
#include "sim/scenario/lab.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <map>

/// What a script can order besides the model's own faults (reliability §4.1).
namespace steward::sim::scenario {

fault wrong(const std::string& why) { return fault(errc::invalid, "command", why); }

namespace {

words words_of(const std::string& text) {
    words all;
    std::string word;
    for (const char c : text + " ") {
        if (c != ' ') {
            word += c;
        } else if (!word.empty()) {
            all.push_back(std::move(word));
            word.clear();
        }
    }
    return all;
}

std::vector<node_name> nodes_of(const std::string& list) {
    std::vector<node_name> nodes;
    for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        nodes.emplace_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return nodes;
}

}  // namespace

/// Has the run of the lab.
class lab_commands {
  public:
    explicit lab_commands(lab& where) : lab_(where) {}

    result<void> carry_out(const std::string& text) {
        const words w = words_of(text);
        if (w.empty()) return wrong("an empty command");
        if (w[0] == "nop") return {};
        if (w[0] == "probe") return probe(w);
        if (w[0] == "op") return operate(lab_, w);
        if (w[0] == "repeat") return repeat(text, w);
        if (w[0] == "kill") return kill(w);
        if (w[0] == "crash-at") return crash_at(w);
        if (w[0] == "stop" || w[0] == "stall") return stop_process(w);
        if (w[0] == "pause" || w[0] == "suspend") return pause(w);
        if (w[0] == "shutdown" || w[0] == "reboot") return go_down(w);
        if (w[0] == "migrate" && w.size() == 2 && w[1] == "fail") return fail_migrations();
        if (w[0] == "ha-maint") return fault_of("maint" + text.substr(w[0].size()));
        if (w[0] == "cfs") return cluster_file_system(w);
        if (w[0] == "wd" && w.size() == 3 && w[2] == "absent") return lose_watchdog(w);
        if (w[0] == "clock") return clock(w);
        if (is_switch(w)) return switch_nodes(w);
        // Without the "ha-" it is Steward's own maintenance, which is no switch of the model.
        if (w[0] == "maint") return operate(lab_, w);
        if (w[0] == "stop-before") return stop_before(w);
        if (w[0] == "api-from") return api_from(w);
        if (w[0] == "api") return api(text, w);
        if (w[0] == "config") return operate(lab_, w);
        if (w[0] == "dns") return names(w);
        if (w[0] == "agent") return fence_agent(w);
        if (w[0] == "hook") return hook(w);
        if (const auto done = handle_process(lab_, w)) return *done;
        if (w[0] == "pvestatd" && w.size() == 3) return fault_of("service " + w[1] + " pvestatd " + w[2]);
        if (w[0] == "disk" && w.size() == 3) return {};  // a daemon keeps nothing on its own disk
        return fault_of(text);
    }

  private:
    static bool is_switch(const words& w) {
        return w.size() >= 3 && (w[0] == "power" || w[0] == "net" || w[0] == "cnet" || w[0] == "svc");
    }

    /// "n1", "all", "n1..n3", "n1,n3"
    std::vector<std::string> nodes_named(const std::string& word) {
        std::vector<std::string> all;
        const std::size_t dots = word.find("..");
        for (const sim_node& n : lab_.model_.nodes()) {
            bool is_meant = word == "all";
            if (dots != std::string::npos) {
                const std::size_t low = static_cast<std::size_t>(std::atoi(word.c_str() + 1));
                const std::size_t high = static_cast<std::size_t>(std::atoi(word.c_str() + dots + 3));
                is_meant = n.index + 1 >= low && n.index + 1 <= high;
            }
            if (is_meant) all.push_back(n.name.str());
        }
        return all.empty() ? std::vector<std::string>{word} : all;
    }

    void later(duration when, const std::string& command) {
        lab* stage = &lab_;
        lab_.model_.at(lab_.time_.now() + when, [stage, command] { (void)scenario::carry_out(*stage, command); });
    }

    /// power|net|cnet|svc N on|off [TIME]: after the time it is as before.
    result<void> switch_nodes(const words& w) {
        const bool is_off = w[2] == "off";
        for (const std::string& node : nodes_named(w[1])) {
            if (auto done = fault_of(w[0] + " " + node + " " + w[2]); !done) return done;
            // Whoever switches a machine on has also put its cable back.
            if (w[0] == "power" && !is_off) (void)fault_of("net " + node + " on");
            if (w.size() < 4) continue;
            const auto time = config::parse_sim_time(w[3]);
            if (!time) return wrong("\"" + w[3] + "\" is no time");
            later(*time, w[0] + " " + node + (is_off ? " on" : " off"));
        }
        return {};
    }

    /// migrate fail: of whatever guest, once each.
    result<void> fail_migrations() {
        for (const guest_options& g : lab_.setup_.cluster.guests)
            if (auto done = fault_of("guest " + short_name(g.guest) + " migrate-fails x1"); !done) return done;
        return {};
    }

    /// shutdown N, reboot N [TIME|forever]: as a person orders it; comes back so long after it has gone.
    result<void> go_down(const words& w) {
        const bool is_reboot = w[0] == "reboot";
        const bool comes_back = is_reboot && (w.size() < 3 || w[2] != "forever");
        const auto away = w.size() == 3 && comes_back ? config::parse_sim_time(w[2]) : std::optional<duration>();
        if (w.size() < 2 || w.size() > (is_reboot ? 3U : 2U) || (w.size() == 3 && comes_back && !away))
            return wrong("shutdown N, reboot N [TIME|forever]");
        const node_name node(w[1]);
        const sim_node* n = lab_.model_.find_node(node);
        if (n == nullptr) return wrong("there is no node " + w[1]);
        if (!n->powered) return wrong(w[1] + " is off");
        lab_.go_down(
            node, is_reboot ? lease::departure::reboot : lease::departure::shutdown,
            [&model = lab_.model_, node, comes_back, away] { model.node_switch().shut_down(node, comes_back, away); });
        return {};
    }

    /// clock N step +3600|-5m, clock N drift +500 (ppm), clock N ok
    result<void> clock(const words& w) {
        if (w.size() < 3) return wrong("clock N step TIME|drift PPM|ok");
        if (w[2] == "leap" && w.size() == 3) return clock({w[0], w[1], "step", "-1"});
        if (w[2] == "slew" && w.size() == 4) return slew(w);
        std::string value = w.size() > 3 ? w[3] : "";
        if (value.starts_with('+')) value.erase(0, 1);
        const bool is_bare = !value.empty() && value.find_first_not_of("-0123456789.") == std::string::npos;
        if (is_bare) value += w[2] == "drift" ? "ppm" : "s";
        for (const std::string& node : nodes_named(w[1]))
            if (auto done = fault_of("clock " + node + " " + w[2] + (value.empty() ? "" : " " + value)); !done)
                return done;
        return {};
    }

    /// clock N slew 1s/1000s: a second in a thousand
    result<void> slew(const words& w) {
        const std::size_t slash = w[3].find('/');
        const auto by = config::parse_sim_time(w[3].substr(0, slash));
        const auto within = slash == std::string::npos ? std::nullopt : config::parse_sim_time(w[3].substr(slash + 1));
        if (!by || !within || *within < *by || *by <= duration::zero()) return wrong("clock N slew TIME/TIME");
        const auto parts = std::chrono::duration<double>(*by) / std::chrono::duration<double>(*within) * 1e6;
        return clock({w[0], w[1], "drift", fmt::format("{:.0f}", parts)});
    }

    result<void> lose_watchdog(const words& w) {
        for (const std::string& node : nodes_named(w[1]))
            if (virtual_guard* guard = lab_.guard_of(node_name(node))) guard->lose_watchdog();
        return {};
    }

    /// dns fail|ok: nobody resolves a name any more; checks that need one cannot say anything
    result<void> names(const words& w) {
        if (w.size() != 2 || (w[1] != "fail" && w[1] != "ok")) return wrong("dns fail|ok");
        lab_.model_.faults().names_lost = w[1] == "fail";
        for (const guest_id guest : lab_.named_checks_) {
            lab_.overrides_.erase(guest);
            if (w[1] == "ok") continue;
            check_override o;
            o.answer = verdict::unknown;
            o.reason = "its name cannot be resolved";
            lab_.overrides_[guest] = o;
        }
        return {};
    }

    /// cfs full on|off, cfs ebusy-next park applied|lost
    std::optional<result<void>> all_files(const words& w) {
        fault_plan& plan = lab_.model_.faults();
        if (w.size() == 3 && w[1] == "full" && (w[2] == "on" || w[2] == "off")) {
            plan.files_full = w[2] == "on";
            return result<void>();
        }
        if (w.size() == 4 && w[1] == "ebusy-next" && w[2] == "park" && (w[3] == "applied" || w[3] == "lost")) {
            plan.ebusy_step = w[2];
            plan.is_ebusy_applied = w[3] == "applied";
            return result<void>();
        }
        return std::nullopt;
    }

    /// stop-before N.main POINT D: SIGSTOP between the decision and the request
    result<void> stop_before(const words& w) {
        const auto whom =
            w.size() == 4
                ? process_of(w[1])
                : result<std::pair<std::vector<node_name>, std::string>>(wrong("stop-before N.main POINT TIME"));
        if (!whom) return whom.error();
        const auto time = config::parse_sim_time(w[3]);
        if (!time || whom->second != "main" || (w[2] != "POST-restore" && w[2] != "POST-start"))
            return wrong("stop-before N.main POST-restore|POST-start TIME");
        for (const node_name& node : whom->first) lab_.stops_before_[node] = {w[2], *time};
        return {};
    }

    /// api-from N CODE TIME: the daemon of that node reaches no API
    result<void> api_from(const words& w) {
        int code = 0;
        const auto time = w.size() == 4 ? config::parse_sim_time(w[3]) : std::nullopt;
        if (!time || std::from_chars(w[2].data(), w[2].data() + w[2].size(), code).ec != std::errc())
            return wrong("api-from N CODE TIME");
        for (const std::string& node : nodes_named(w[1]))
            lab_.cut_off_[node_name(node)] = {code, lab_.time_.now() + *time};
        return {};
    }

    /// "api n1-as-proxy …": only what n1 passes on; "… POST-restore": only the creation from an archive
    result<void> api(const std::string& text, const words& w) {
        constexpr std::string_view as_proxy = "-as-proxy";
        constexpr std::string_view restore = " POST-restore";
        if (w.size() < 3) return fault_of(text);
        std::string node = w[1];
        std::string plain = text;
        const bool is_proxy = node.ends_with(as_proxy);
        if (is_proxy) {
            node.resize(node.size() - as_proxy.size());
            plain.erase(plain.find(as_proxy), as_proxy.size());
        }
        const bool is_restore = plain.ends_with(restore);
        if (is_restore) plain.resize(plain.size() - restore.size());
        if (auto done = fault_of(plain); !done) return done;
        for (auto& [contacted, fault] : lab_.model_.faults().api) {
            if (node != "any" && contacted.str() != node) continue;
            fault.is_proxied_only = is_proxy;
            fault.is_restore_only = is_restore;
        }
        return {};
    }

    /// cfs N rw|update fail|work, cfs N hang|restart|slow D: the node's pmxcfs
    result<void> cluster_file_system(const words& w) {
        if (const auto done = all_files(w)) return *done;
        if (w.size() != 4) return wrong("cfs N rw|update fail|work, cfs N hang|restart TIME");
        const auto time = config::parse_sim_time(w[3]);
        for (const std::string& node : nodes_named(w[1])) {
            const std::string service = "service " + node + " pmxcfs ";
            result<void> done;
            if (w[2] == "update" && (w[3] == "fail" || w[3] == "work")) {
                lab_.model_.stop_updates(node_name(node), w[3] == "fail");
            } else if (w[2] == "rw" && (w[3] == "fail" || w[3] == "work")) {
                done = fault_of(service + (w[3] == "fail" ? "stop" : "start"));
            } else if ((w[2] == "hang" || w[2] == "restart") && time) {
                done = fault_of(service + (w[2] == "hang" ? "freeze" : "stop"));
                later(*time, service + "start");
            } else if (w[2] == "slow" && time) {
                lab_.model_.faults().slow_files.erase(node_name(node));
                if (*time != duration::zero()) lab_.model_.faults().slow_files[node_name(node)] = *time;
            } else {
                return wrong("\"cfs " + w[1] + " " + w[2] + "\" is not known to this version");
            }
            if (!done) return done;
        }
        return {};
    }

    result<void> fault_of(const std::string& text) {
        const auto done = apply_fault(lab_.model_, text);
        if (!done) return done.error();
        return {};
    }

    /// probe G|all fail|ok|timeout [D|forever] [from N,M] [kind=http503]
    result<void> probe(const words& w) {
        if (w.size() < 3) return wrong("probe needs a guest and fail, ok or timeout");
        std::vector<guest_id> guests;
        if (w[1] == "all") {
            for (const config::guest& g : lab_.setup_.steward.guests) guests.push_back(g.id);
        } else {
            const auto guest = lab_.guest_named(w[1]);
            if (!guest) return guest.error();
            guests.push_back(*guest);
        }
        check_override o;
        o.reason = "the script says so";
        bool is_forever = false;
        for (std::size_t i = 3; i < w.size(); ++i) {
            if (w[i] == "forever") {
                is_forever = true;
            } else if (w[i] == "from" && i + 1 < w.size()) {
                o.from = nodes_of(w[++i]);
            } else if (w[i] == "kind=http503") {
                o.reason = "status 503, wanted 200-399";
            } else if (const auto time = config::parse_sim_time(w[i])) {
                o.until = lab_.time_.now() + *time;
            } else {
                return wrong("probe: \"" + w[i] + "\" is not understood");
            }
        }
        if (w[2] != "fail" && w[2] != "timeout" && w[2] != "ok") return wrong("probe: fail, ok or timeout");
        o.is_silent = w[2] == "timeout";
        for (const guest_id guest : guests) {
            if (w[2] == "ok") {
                lab_.overrides_.erase(guest);
                continue;
            }
            check_override own = o;
            // What is wrong with an instance ends with it, unless the script says otherwise.
            const auto place = lab_.model_.files().find(guest.id);
            if (!is_forever && place) own.only_home = place->node;
            lab_.overrides_[guest] = own;
        }
        return {};
    }

    /// repeat K every D: COMMAND
    result<void> repeat(const std::string& text, const words& w) {
        const std::size_t colon = text.find(": ");
        int count = 0;
        if (w.size() < 4 || w[2] != "every" || colon == std::string::npos ||
            std::from_chars(w[1].data(), w[1].data() + w[1].size(), count).ec != std::errc())
            return wrong("repeat K every D: COMMAND");
        const auto every = config::parse_sim_time(w[3].substr(0, w[3].size() - 1));
        if (!every) return wrong("repeat: every needs a time");
        const std::string command = text.substr(colon + 2);
        for (int i = 1; i < count; ++i) later(*every * i, command);
        return carry_out(command);
    }

    /// "n3.main", "all.guard" → the nodes and the process
    result<std::pair<std::vector<node_name>, std::string>> process_of(const std::string& word) {
        const std::size_t dot = word.find('.');
        const std::string node = word.substr(0, dot);
        std::pair<std::vector<node_name>, std::string> found;
        found.second = dot == std::string::npos ? "" : word.substr(dot + 1);
        for (const sim_node& n : lab_.model_.nodes())
            if (node == "all" || n.name.str() == node) found.first.push_back(n.name);
        const bool is_known = found.second == "main" || found.second == "guard" || found.second == "mux";
        if (found.first.empty() || !is_known)
            return wrong("\"" + word + "\" is no process (n1.main, n1.guard, n1.mux)");
        return found;
    }

    /// kill N.main|guard|mux
    result<void> kill(const words& w) {
        if (w.size() != 2) return wrong("kill needs a process like n1.main");
        const auto whom = process_of(w[1]);
        if (!whom) return whom.error();
        for (const node_name& node : whom->first) {
            if (whom->second == "main") lab_.kill_daemon(node);
            if (whom->second == "guard") lab_.dead_guards_.insert(node);
            if (whom->second == "mux") (void)apply_fault(lab_.model_, "wd " + node.str() + " fire");
        }
        return {};
    }

    /// stop N.main|guard D|forever: SIGSTOP
    result<void> stop_process(const words& w) {
        if (w.size() == 5 && w[3] == "every") return stall_again(w);
        if (w.size() != 3) return wrong("stop needs a process and a time");
        const auto whom = process_of(w[1]);
        if (!whom) return whom.error();
        const auto time =
            w[2] == "forever" ? std::optional<duration>(std::chrono::hours(10000)) : config::parse_sim_time(w[2]);
        if (!time) return wrong("stop: \"" + w[2] + "\" is no time");
        for (const node_name& node : whom->first)
            lab_.stand_still(node, whom->second == "main", whom->second == "guard", lab_.time_.now() + *time);
        return {};
    }

    /// stall N.main D every D: again and again
    result<void> stall_again(const words& w) {
        const auto every = config::parse_sim_time(w[4]);
        if (!every || *every < std::chrono::seconds(1)) return wrong("stall: every needs a time");
        const std::string once = w[0] + " " + w[1] + " " + w[2];
        constexpr int times = 40;
        for (int i = 1; i < times; ++i) later(*every * i, once);
        return stop_process({w[0], w[1], w[2]});
    }

    /// pause|suspend N D: the whole machine
    result<void> pause(const words& w) {
        if (w.size() != 3) return wrong(w[0] + " needs a node and a time");
        const auto time = config::parse_sim_time(w[2]);
        if (!time) return wrong(w[0] + ": \"" + w[2] + "\" is no time");
        const node_name node(w[1]);
        // What stands still already cannot be stopped again: it wakes when it was to.
        if (const sim_node* n = lab_.model_.find_node(node); n != nullptr && n->frozen) return {};
        if (auto done = fault_of("pause " + w[1] + " " + w[2] +
                                 (w[2].find_first_not_of("0123456789.") == std::string::npos ? "s" : ""));
            !done)
            return done;
        lab_.stand_still(node, true, true, lab_.time_.now() + *time);
        return {};
    }

    /// agent N ok|fail|lie [delay=TIME]
    result<void> fence_agent(const words& w) {
        const std::map<std::string, model_agents::mood> moods{
            {"ok", model_agents::mood::works}, {"fail", model_agents::mood::fails}, {"lie", model_agents::mood::lies}};
        const auto how = w.size() >= 3 ? moods.find(w[2]) : moods.end();
        if (how == moods.end() || w.size() > 4) return wrong("agent N ok|fail|lie [delay=TIME]");
        model_agents::behaviour b;
        b.how = how->second;
        if (w.size() == 4) {
            const auto delay = w[3].starts_with("delay=") ? config::parse_sim_time(w[3].substr(6)) : std::nullopt;
            if (!delay) return wrong("agent: \"" + w[3] + "\" is no delay=TIME");
            b.delay = *delay;
        }
        for (const std::string& node : nodes_named(w[1])) {
            const auto found = lab_.agents_.find(node_name(node));
            if (found == lab_.agents_.end()) return wrong("agent: " + node + " has none");
            found->second = b;
        }
        return {};
    }

    /// hook pre|post|failed ok|fail|hang
    result<void> hook(const words& w) {
        static const std::map<std::string, model_hooks::mood> moods = {
            {"ok", model_hooks::mood::works}, {"fail", model_hooks::mood::fails}, {"hang", model_hooks::mood::hangs}};
        const auto mood = w.size() == 3 ? moods.find(w[2]) : moods.end();
        if (mood == moods.end() || (w[1] != "pre" && w[1] != "post" && w[1] != "failed"))
            return wrong("hook pre|post|failed ok|fail|hang");
        lab_.hook_moods_[w[1]] = mood->second;
        return {};
    }

    /// crash-at STEP [xK], crash-at pre-hook|post-hook|failed-hook
    result<void> crash_at(const words& w) {
        static const std::map<std::string, failover::phase> steps = {
            {"claimed", failover::phase::claimed},     {"stopping", failover::phase::stopping},
            {"fenced", failover::phase::isolating},    {"isolated", failover::phase::parked},
            {"parked", failover::phase::parked},       {"restoring", failover::phase::restoring},
            {"restored", failover::phase::restored},   {"start-posted", failover::phase::starting},
            {"verifying", failover::phase::verifying}, {"rolling_back", failover::phase::rolling_back},
        };
        if (w.size() == 2 && w[1].ends_with("-hook")) {
            lab_.hook_crashes_.insert(w[1].substr(0, w[1].size() - 5));
            return {};
        }
        const bool is_random = w.size() >= 2 && w[1] == "random";
        const auto step = w.size() < 2 ? steps.end() : steps.find(is_random ? "claimed" : w[1]);
        if (step == steps.end()) return wrong("crash-at: which step (claimed, stopping, isolated, …)?");
        int times = 1;
        for (std::size_t i = 2; i < w.size(); ++i) {
            if (w[i].starts_with("x") && config::parse_sim_time(w[i].substr(1)))
                times = std::atoi(w[i].c_str() + 1);
            else if (w[i] != "wipe-local" && w[i] != "torn-wal")  // nothing of a daemon's is kept outside pmxcfs
                return wrong("crash-at: \"" + w[i] + "\" is not known to this version");
        }
        if (is_random)
            lab_.random_crashes_ += times;
        else
            for (int i = 0; i < times; ++i) lab_.crashes_.push_back(step->second);
        return {};
    }

    lab& lab_;
};

result<void> carry_out(lab& where, const std::string& command) { return lab_commands(where).carry_out(command); }

}  // namespace steward::sim::scenario
