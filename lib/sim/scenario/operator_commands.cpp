#include "config/load.hpp"
#include "sim/api/api.hpp"
#include "sim/model/faults.hpp"
#include "sim/scenario/commands.hpp"
#include "sim/scenario/lab.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <functional>

namespace steward::sim::scenario {

/// Has the run of the lab.
class operator_commands {
  public:
    explicit operator_commands(lab& where) : lab_(where) {}

    result<void> operate(const words& w) {
        if (w[0] == "maint" && w.size() == 3) return set_pause("node/" + w[1], "maint", w[2] == "on", {});
        if (w[0] == "config") return change_config(w);
        if (w.size() < 2) return wrong("op needs a verb");
        const std::string& verb = w[1];
        if (const auto done = handle_consent(lab_, w)) return *done;
        if (verb == "maint" && w.size() == 4) return set_pause("node/" + w[2], "maint", w[3] == "on", {});
        if (verb == "pause" || verb == "resume") return pause_by_word(w);
        if (verb == "add" && w.size() == 3) return add_guest(w[2]);
        if (verb == "arm" || verb == "disarm") return set_mode(verb == "arm");
        if (verb == "stop-daemon" || verb == "start-daemon") return stop_daemon(w);
        if (verb == "ha-disarm" && w.size() == 2) return give_to_model("ha disarm freeze");
        if (verb == "ha-arm" && w.size() == 2) return give_to_model("ha arm");
        if (verb == "pvecm-expected" && w.size() == 4) return expect_votes(w);
        if (verb == "delnode" || verb == "addnode") return change_nodes(w);
        if (w.size() < 3) return wrong("op " + verb + " needs a guest");
        if (verb == "fence-confirm") return confirm_fence(node_name(w[2]));
        if (verb == "steal-vmid") return steal_later(w);
        const auto guest = lab_.guest_named(w[2]);
        if (!guest) return guest.error();
        if (verb == "failover") return order_failover(*guest, w);
        if (verb == "hold" || verb == "release") return set_pause(to_string(*guest), verb, verb == "hold", {});
        if (verb == "remove") return remove_guest(*guest);
        if (verb == "abort") return to_daemon([&](keeper& all) { return all.abort(*guest, "root"); }, verb, *guest);
        if (verb == "disable") return to_daemon([&](keeper& all) { return all.disable(*guest, "root"); }, verb, *guest);
        if (verb == "approve") {
            const bool is_stale = w.size() > 3 && w[3] == "stale-backup";
            return to_daemon([&](keeper& all) { return all.approve(*guest, is_stale); }, verb, *guest);
        }
        if (verb == "failback") return to_daemon([&](keeper& all) { return all.order_failback(*guest); }, verb, *guest);
        if (verb == "retry" || verb == "enable")
            return to_daemon([&](keeper& all) { return all.retry(*guest); }, verb, *guest);
        return with_pve(verb, *guest, w);
    }

  private:
    result<void> give_to_model(const std::string& command) {
        const auto done = apply_fault(lab_.model_, command);
        if (!done) return done.error();
        return {};
    }

    /// op pvecm-expected N VOTES
    result<void> expect_votes(const words& w) {
        const int votes = std::atoi(w[3].c_str());
        if (lab_.model_.find_node(node_name(w[2])) == nullptr || votes < 1) return wrong("op pvecm-expected N VOTES");
        lab_.model_.expect_votes(node_name(w[2]), votes);
        return {};
    }

    /// op delnode N, of a node that is off; op addnode N: a new one with its name, which is switched on
    result<void> change_nodes(const words& w) {
        const sim_node* n = w.size() == 3 ? lab_.model_.find_node(node_name(w[2])) : nullptr;
        const bool removes = w[1] == "delnode";
        if (n == nullptr || n->powered || n->is_removed == removes) return wrong("op delnode N, op addnode N");
        if (removes)
            lab_.model_.remove_node(n->name);
        else
            lab_.model_.add_node_again(n->name);
        return {};
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

    /// The daemon that is asked; without a leader any one, which then takes the lead.
    virtual_daemon* someone() {
        if (virtual_daemon* leader = lab_.leader()) return leader;
        return lab_.daemons_.empty() ? nullptr : lab_.daemons_.begin()->second.get();
    }

    using answer = std::shared_ptr<std::optional<result<void>>>;
    static boost::asio::awaitable<void> put(boost::asio::awaitable<result<void>> order, answer into) {
        *into = co_await std::move(order);
    }

    /// What a daemon answers within a minute; it may die meanwhile, and the question with it.
    static boost::asio::awaitable<result<void>> wait_for(lab* stage, answer given) {
        for (int i = 0; i < 600 && !*given; ++i) co_await stage->time_.sleep_for(std::chrono::milliseconds(100));
        co_return given->value_or(fault(errc::unavailable, "", "the daemon did not answer"));
    }

    /// A person tries again for a minute when nobody leads yet.
    boost::asio::awaitable<void> pause_or_resume(failover::pause p, std::string verb, bool is_on) {
        lab* stage = &lab_;
        result<void> done = fault(errc::unavailable, verb, "no daemon runs");
        for (int i = 0; i < 12; ++i) {
            if (virtual_daemon* asked = operator_commands(*stage).someone()) {
                const answer given = std::make_shared<std::optional<result<void>>>();
                keeper& all = asked->all();
                auto order = is_on ? all.pause(p) : all.resume(p.object, p.by);
                asked->spawn("operator", put(std::move(order), given));
                done = co_await wait_for(stage, given);
            }
            if (done || operator_commands(*stage).acting() != nullptr) break;
            co_await stage->time_.sleep_for(std::chrono::seconds(5));
        }
        if (done) co_return;
        happening h(stage->time_.now() - stage->zero_, sight::reject);
        const bool is_node = p.object.starts_with("node/");
        const auto id = parse_guest_id(p.object);
        h.node = is_node ? p.object.substr(5) : "";
        h.guest = id ? short_name(*id) : "";
        h.name = verb;
        h.text = done.error().text();
        stage->watcher_.note(std::move(h));
    }

    static boost::asio::awaitable<void> run_pause(lab* stage, failover::pause p, std::string verb, bool is_on) {
        operator_commands here(*stage);
        co_await here.pause_or_resume(std::move(p), std::move(verb), is_on);
    }

    result<void> set_pause(const std::string& object, const std::string& verb, bool is_on, duration lasts) {
        failover::pause p;
        p.object = object;
        p.by = "root";
        if (verb == "maint") p.kind = failover::pause_kind::maintenance;
        if (lasts != duration::zero()) p.until = lab_.time_.wall_now() + std::chrono::ceil<std::chrono::seconds>(lasts);
        lab_.model_tasks_.spawn("pause", run_pause(&lab_, std::move(p), verb, is_on));
        return {};
    }

    /// op pause cluster|N|G [TIME], op resume cluster|N|G
    result<void> pause_by_word(const words& w) {
        if (w.size() < 3) return wrong("op " + w[1] + " cluster|N|G");
        const auto lasts = w.size() > 3 ? config::parse_sim_time(w[3]) : std::optional<duration>(duration::zero());
        if (!lasts) return wrong("op pause: \"" + w[3] + "\" is no time");
        std::string object = w[2];
        if (lab_.model_.find_node(node_name(object)) != nullptr) object = "node/" + object;
        if (const auto guest = lab_.guest_named(w[2])) object = to_string(*guest);
        return set_pause(object, w[1], w[1] == "pause", *lasts);
    }

    /// op steal-vmid ID after park
    result<void> steal_later(const words& w) {
        const auto number = parse_vmid(w[2]);
        if (!number || w.size() != 5 || w[4] != "park") return wrong("op steal-vmid ID after park");
        lab_.stolen_after_park_.insert(*number);
        return {};
    }

    /// op remove G: no longer in Steward's configuration
    result<void> remove_guest(guest_id guest) {
        lab_.configure([&](config::settings& s) {
            std::erase_if(s.guests, [&](const config::guest& g) { return g.id == guest; });
        });
        return {};
    }

    /// op add G@N: a new guest, which Steward looks after from now on
    result<void> add_guest(const std::string& word) {
        auto made = parse_guest_options(word);
        if (!made) return made.error();
        if (!lab_.setup_.cluster.guests.empty()) made->storage = lab_.setup_.cluster.guests.front().storage;
        if (lab_.setup_.steward.guests.empty()) return wrong("op add: there is no guest to take the rules from");
        if (auto done = lab_.model_.add_guest(*made); !done) return done;
        lab_.setup_.cluster.guests.push_back(*made);
        lab_.configure([&](config::settings& s) {
            config::guest g = s.guests.front();
            g.id = made->guest;
            s.guests.push_back(std::move(g));
        });
        return {};
    }

    /// config break; config apply G.targets=[n1,n3] and the like
    result<void> change_config(const words& w) {
        if (w.size() == 2 && w[1] == "break") {
            // A reload reads everything before it changes anything: what runs goes on as it was.
            const config::loaded broken = config::parse("guests: [", "steward.yaml");
            if (broken.problems.empty()) return wrong("a broken configuration was accepted");
            lab_.note_of(sight::alert, lab_.leading_.value_or(node_name("n1")), "config_rejected",
                         config::to_string(broken.problems.front()));
            return {};
        }
        constexpr std::string_view without = "nodes-=";
        if (w.size() == 3 && w[1] == "apply" && w[2].starts_with(without)) {
            const node_name node(w[2].substr(without.size()));
            if (lab_.model_.find_node(node) == nullptr) return wrong("no node " + node.str());
            lab_.configure([&](config::settings& s) { s.ignored.insert(node); });
            return {};
        }
        const bool is_one = w.size() == 4 && w[1] == "apply-on";
        if (!is_one && (w.size() != 3 || w[1] != "apply"))
            return wrong("config break, config apply G.targets=[…], config apply-on N G.targets=[…]");
        return set_rule(w.back(), is_one ? node_name(w[2]) : node_name());
    }

    /// "ct102.targets=[n1]", everywhere or only on one node
    result<void> set_rule(const std::string& text, const node_name& only_on = {}) {
        const std::size_t dot = text.find('.');
        const std::size_t equals = text.find('=');
        if (dot == std::string::npos || equals == std::string::npos || equals < dot)
            return wrong("config apply G.KEY=VALUE");
        const auto guest = lab_.guest_named(text.substr(0, dot));
        if (!guest) return guest.error();
        const std::string key = text.substr(dot + 1, equals - dot - 1);
        std::string value = text.substr(equals + 1);
        std::erase_if(value, [](char c) { return c == '[' || c == ']'; });
        if (key != "targets" && key != "mode")
            return wrong("config apply: \"" + key + "\" is not known to this version");
        const auto change = [&](config::settings& s) {
            for (config::guest& g : s.guests) {
                if (g.id != *guest) continue;
                if (key == "mode") g.failover.enabled = value == "auto";
                if (key == "targets") set_targets(g.failover, value);
            }
        };
        if (only_on.empty())
            lab_.configure(change);
        else
            lab_.configure_on(only_on, change);
        return {};
    }

    /// None at all: every node is to be avoided.
    void set_targets(config::failover_policy& rules, const std::string& list) {
        rules.targets.clear();
        rules.avoid.clear();
        for (std::size_t begin = 0; begin < list.size();) {
            const std::size_t end = std::min(list.find(',', begin), list.size());
            rules.targets.emplace_back(list.substr(begin, end - begin));
            begin = end + 1;
        }
        if (rules.targets.empty()) rules.avoid = lab_.setup_.cluster.nodes;
    }

    static boost::asio::awaitable<void> change_mode(keeper& all, config::mode mode) {
        const auto done = co_await all.set_mode(mode);
        (void)done;
    }

    result<void> set_mode(bool armed) {
        keeper* all = acting();
        if (all == nullptr) return {};
        lab_.leader()->spawn("mode", change_mode(*all, armed ? config::mode::armed : config::mode::observe));
        return {};
    }

    static boost::asio::awaitable<void> confirm(lab* stage, keeper& all, node_name node) {
        const auto done = co_await all.confirm_fence(node, "root");
        if (!done) stage->note_of(sight::reject, node, "fence-confirm", done.error().text());
    }

    result<void> confirm_fence(const node_name& node) {
        if (keeper* all = acting()) lab_.leader()->spawn("fence-confirm", confirm(&lab_, *all, node));
        return {};
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
        const bool is_by_hand = verb == "mv-config" || verb == "migrate-config";
        if (is_by_hand && w.size() >= 4) return move_by_hand(*node, guest, w[3]);
        if (verb == "set" && w.size() == 4 && w[3].starts_with("mode="))
            return set_rule(short_name(guest) + "." + w[3]);
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

    /// As root with mv in /etc/pve, on a node of the majority.
    result<void> move_by_hand(const node_name& from, guest_id guest, const std::string& target) {
        const auto file = [&](const std::string& node) {
            return fmt::format("nodes/{}/{}/{}.conf", node, guest.type == guest_type::ct ? "lxc" : "qemu-server",
                               guest.id.number());
        };
        if (lab_.model_.find_node(node_name(target)) == nullptr) return wrong("no node " + target);
        if (!lab_.model_.files().tree().rename(file(from.str()), file(target)))
            return wrong(short_name(guest) + " has no configuration on " + from.str());
        lab_.model_.files().look_outside();
        return {};
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

result<void> operate(lab& where, const words& w) { return operator_commands(where).operate(w); }

}  // namespace steward::sim::scenario
