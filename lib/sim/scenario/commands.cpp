#include "sim/api/api.hpp"
#include "sim/model/faults.hpp"
#include "sim/scenario/lab.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <functional>
#include <map>

/// What a script can order besides the model's own faults (reliability §4.1).
namespace steward::sim::scenario {

namespace {

using words = std::vector<std::string>;

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

fault wrong(const std::string& why) { return fault(errc::invalid, "command", why); }

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
        if (w[0] == "op") return operate(w);
        if (w[0] == "repeat") return repeat(text, w);
        if (w[0] == "kill") return kill(w);
        if (w[0] == "crash-at") return crash_at(w);
        if (w[0] == "stop" || w[0] == "stall") return stop_process(w);
        if (w[0] == "pause" || w[0] == "suspend") return pause(w);
        if (w[0] == "ha-maint") return fault_of("maint" + text.substr(w[0].size()));
        if (w[0] == "cfs") return cluster_file_system(w);
        if (w[0] == "wd" && w.size() == 3 && w[2] == "absent") return lose_watchdog(w);
        if (w[0] == "clock") return clock(w);
        if (is_switch(w)) return switch_nodes(w);
        // Without the "ha-" it would be Steward's own maintenance, which is no switch of the model.
        if (w[0] == "maint") return wrong("\"maint\" needs Steward's maintenance mode, which does not exist yet");
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

    /// clock N step +3600|-5m, clock N drift +500 (ppm), clock N ok
    result<void> clock(const words& w) {
        if (w.size() < 3) return wrong("clock N step TIME|drift PPM|ok");
        std::string value = w.size() > 3 ? w[3] : "";
        if (value.starts_with('+')) value.erase(0, 1);
        const bool is_bare = !value.empty() && value.find_first_not_of("-0123456789.") == std::string::npos;
        if (is_bare) value += w[2] == "drift" ? "ppm" : "s";
        for (const std::string& node : nodes_named(w[1]))
            if (auto done = fault_of("clock " + node + " " + w[2] + (value.empty() ? "" : " " + value)); !done)
                return done;
        return {};
    }

    result<void> lose_watchdog(const words& w) {
        for (const std::string& node : nodes_named(w[1]))
            if (virtual_guard* guard = lab_.guard_of(node_name(node))) guard->lose_watchdog();
        return {};
    }

    /// cfs N rw fail|work, cfs N hang|restart D: the node's pmxcfs
    result<void> cluster_file_system(const words& w) {
        if (w.size() != 4) return wrong("cfs N rw fail|work, cfs N hang|restart TIME");
        const auto time = config::parse_sim_time(w[3]);
        for (const std::string& node : nodes_named(w[1])) {
            const std::string service = "service " + node + " pmxcfs ";
            result<void> done;
            if (w[2] == "rw" && (w[3] == "fail" || w[3] == "work")) {
                done = fault_of(service + (w[3] == "fail" ? "stop" : "start"));
            } else if ((w[2] == "hang" || w[2] == "restart") && time) {
                done = fault_of(service + (w[2] == "hang" ? "freeze" : "stop"));
                later(*time, service + "start");
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
            const auto guest = guest_named(w[1]);
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

    /// pause|suspend N D: the whole machine
    result<void> pause(const words& w) {
        if (w.size() != 3) return wrong(w[0] + " needs a node and a time");
        const auto time = config::parse_sim_time(w[2]);
        if (!time) return wrong(w[0] + ": \"" + w[2] + "\" is no time");
        const node_name node(w[1]);
        if (auto done = fault_of("pause " + w[1] + " " + w[2] +
                                 (w[2].find_first_not_of("0123456789.") == std::string::npos ? "s" : ""));
            !done)
            return done;
        lab_.stand_still(node, true, true, lab_.time_.now() + *time);
        return {};
    }

    /// crash-at STEP [xK]
    result<void> crash_at(const words& w) {
        static const std::map<std::string, failover::phase> steps = {
            {"claimed", failover::phase::claimed},     {"stopping", failover::phase::stopping},
            {"fenced", failover::phase::isolating},    {"isolated", failover::phase::parked},
            {"parked", failover::phase::parked},       {"restoring", failover::phase::restoring},
            {"restored", failover::phase::restored},   {"start-posted", failover::phase::starting},
            {"verifying", failover::phase::verifying}, {"rolling_back", failover::phase::rolling_back},
        };
        const auto step = w.size() < 2 ? steps.end() : steps.find(w[1]);
        if (step == steps.end()) return wrong("crash-at: which step (claimed, stopping, isolated, …)?");
        int times = 1;
        for (std::size_t i = 2; i < w.size(); ++i) {
            if (w[i].starts_with("x") && config::parse_sim_time(w[i].substr(1)))
                times = std::atoi(w[i].c_str() + 1);
            else
                return wrong("crash-at: \"" + w[i] + "\" is not known to this version");
        }
        for (int i = 0; i < times; ++i) lab_.crashes_.push_back(step->second);
        return {};
    }

    // ---- op VERB …: an operator, with PVE's own tools or with ours

    result<void> operate(const words& w) {
        if (w.size() < 2) return wrong("op needs a verb");
        const std::string& verb = w[1];
        if (verb == "arm" || verb == "disarm") return set_mode(verb == "arm");
        if (verb == "stop-daemon" || verb == "start-daemon") return stop_daemon(w);
        if (w.size() < 3) return wrong("op " + verb + " needs a guest");
        if (verb == "fence-confirm") return confirm_fence(node_name(w[2]));
        const auto guest = guest_named(w[2]);
        if (!guest) return guest.error();
        if (verb == "failover") return order_failover(*guest, w);
        if (verb == "retry") return to_daemon([&](keeper& all) { return all.retry(*guest); }, verb, *guest);
        return with_pve(verb, *guest, w);
    }

    result<void> stop_daemon(const words& w) {
        if (w.size() != 3) return wrong("op " + w[1] + " needs a node");
        if (w[1] == "stop-daemon")
            lab_.stopped_daemons_.insert(node_name(w[2]));
        else
            lab_.stopped_daemons_.erase(node_name(w[2]));
        return {};
    }

    /// An operator's command reaches the leader from wherever it was typed.
    keeper* acting() {
        virtual_daemon* leader = lab_.leader();
        return leader == nullptr ? nullptr : &leader->all();
    }

    static boost::asio::awaitable<void> change_mode(keeper& all, config::mode mode) {
        const auto done = co_await all.set_mode(mode);
        (void)done;
    }

    result<void> set_mode(bool armed) {
        keeper* all = acting();
        if (all == nullptr) return {};
        lab_.model_tasks_.spawn("mode", change_mode(*all, armed ? config::mode::armed : config::mode::observe));
        happening h(lab_.time_.now() - lab_.zero_, sight::state);
        h.guest = "cluster";
        h.name = armed ? "armed" : "disarmed";
        lab_.watcher_.note(std::move(h));
        return {};
    }

    static boost::asio::awaitable<void> confirm(lab* stage, keeper& all, node_name node) {
        const auto done = co_await all.confirm_fence(node, "root");
        if (!done) stage->note_of(sight::reject, node, "fence-confirm", done.error().text());
    }

    result<void> confirm_fence(const node_name& node) {
        if (keeper* all = acting()) lab_.model_tasks_.spawn("fence-confirm", confirm(&lab_, *all, node));
        return {};
    }

    /// By its number when the type is wrong: a vmid is there once.
    result<guest_id> guest_named(const std::string& word) {
        auto guest = parse_guest_word(word);
        if (!guest) return guest;
        for (const guest_options& g : lab_.setup_.cluster.guests)
            if (g.guest.id == guest->id) return g.guest;
        return guest;
    }

    result<void> to_daemon(const std::function<result<void>(keeper&)>& order, const std::string& verb, guest_id guest) {
        keeper* all = acting();
        const result<void> done =
            all == nullptr ? result<void>(fault(errc::unavailable, verb, "no daemon runs")) : order(*all);
        if (done) return {};
        happening h(lab_.time_.now() - lab_.zero_, sight::reject);
        h.guest = short_name(guest);
        h.name = verb;
        h.text = done.error().text();
        lab_.watcher_.note(std::move(h));
        return {};
    }

    /// op failover G [N] [force=true]
    result<void> order_failover(guest_id guest, const words& w) {
        failover::wish asked;
        for (std::size_t i = 3; i < w.size(); ++i) {
            if (w[i] == "force=true")
                asked.force = true;
            else if (lab_.model_.find_node(node_name(w[i])) != nullptr)
                asked.to = node_name(w[i]);
            else
                return wrong("op failover: \"" + w[i] + "\" is not understood");
        }
        return to_daemon([&](keeper& all) { return all.order_failover(guest, asked); }, "failover", guest);
    }

    /// Where it is, as pmxcfs knows.
    std::optional<node_name> home_of(guest_id guest) {
        const auto place = lab_.model_.files().find(guest.id);
        if (!place) return std::nullopt;
        return place->node;
    }

    result<void> with_pve(const std::string& verb, guest_id guest, const words& w) {
        auto node = home_of(guest);
        if (!node) return {};  // an operator who comes too late
        const std::string base = fmt::format("/nodes/{}/{}/{}", node->str(), api_word(guest.type), guest.id.number());
        if (verb == "stop" || verb == "start") return ask(*node, "POST", base + "/status/" + verb, {});
        if (verb == "restart") return ask(*node, "POST", base + "/status/reboot", {});
        if (verb == "destroy") return destroy(*node, guest, base);
        if (verb == "migrate" && w.size() == 4) return migrate(*node, guest, base, w[3]);
        if (verb == "set" && w.size() == 4) {
            const std::size_t equals = w[3].find('=');
            if (equals == std::string::npos) return wrong("op set G KEY=VALUE");
            return ask(*node, "PUT", base + "/config", {{w[3].substr(0, equals), w[3].substr(equals + 1)}});
        }
        return wrong("\"op " + verb + "\" is not known to this version");
    }

    result<void> migrate(const node_name& node, guest_id guest, const std::string& base, const std::string& target) {
        lab_.watcher_.give_up(guest);  // its volumes move with it
        api::parameters params{{"target", target}};
        if (guest.type == guest_type::ct)
            params.emplace_back("restart", "1");
        else
            params.insert(params.end(), {{"online", "1"}, {"with-local-disks", "1"}});
        return ask(node, "POST", base + "/migrate", std::move(params));
    }

    result<void> destroy(const node_name& node, guest_id guest, const std::string& base) {
        lab_.watcher_.give_up(guest);
        if (lab_.model_.is_running(node, guest)) lab_.model_.halt(node, guest);
        return ask(node, "DELETE", base, {});
    }

    /// As root, at once; an error of PVE's is the operator's problem.
    result<void> ask(const node_name& node, const char* method, const std::string& path, api::parameters params) {
        api::request what(node, method, path);
        what.params = std::move(params);
        what.who.authorization = fmt::format("PVEAPIToken={}={}", operator_token, operator_secret);
        (void)api::handle(lab_.model_, what);
        return {};
    }

    lab& lab_;
};

result<void> carry_out(lab& where, const std::string& command) { return lab_commands(where).carry_out(command); }

}  // namespace steward::sim::scenario
