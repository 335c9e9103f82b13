#include "sim/api/api.hpp"
#include "sim/scenario/commands.hpp"
#include "sim/scenario/lab.hpp"

#include <fmt/core.h>
#include <functional>

namespace steward::sim::scenario {

/// Has the run of the lab.
class operator_commands {
  public:
    explicit operator_commands(lab& where) : lab_(where) {}

    result<void> operate(const words& w) {
        if (w.size() < 2) return wrong("op needs a verb");
        const std::string& verb = w[1];
        if (verb == "arm" || verb == "disarm") return set_mode(verb == "arm");
        if (verb == "stop-daemon" || verb == "start-daemon") return stop_daemon(w);
        if (w.size() < 3) return wrong("op " + verb + " needs a guest");
        if (verb == "fence-confirm") return confirm_fence(node_name(w[2]));
        const auto guest = lab_.guest_named(w[2]);
        if (!guest) return guest.error();
        if (verb == "failover") return order_failover(*guest, w);
        if (verb == "retry") return to_daemon([&](keeper& all) { return all.retry(*guest); }, verb, *guest);
        return with_pve(verb, *guest, w);
    }

  private:
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

result<void> operate(lab& where, const words& w) { return operator_commands(where).operate(w); }

}  // namespace steward::sim::scenario
