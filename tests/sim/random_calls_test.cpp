#include "sim/api/api.hpp"
#include "sim/invariants.hpp"
#include "sim/model/faults.hpp"
#include "sim/model/state.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fmt/core.h>
#include <iostream>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

/// Makes calls that a client could make, and breaks things that can break, all drawn from one seed.
class chaos {
  public:
    explicit chaos(std::uint64_t seed) : draw_(seed), model_(make(seed)) {}

    /// "" or what broke, after which step.
    std::string run(int steps) {
        for (int step = 0; step < steps; ++step) {
            act();
            if (std::string why = rules_.broken(model_); !why.empty()) return fmt::format("step {}: {}", step, why);
        }
        return {};
    }

    [[nodiscard]] std::string last() const { return last_; }
    [[nodiscard]] std::string state() const { return save_state(model_); }
    int answered[6] = {};  ///< by hundred of their status

  private:
    static options make(std::uint64_t seed) {
        options o = make_options(3 + static_cast<int>(seed % 3), {});
        o.guests = many_guests(6, o.nodes);
        for (guest_options& g : o.guests)
            if (g.guest.id.number() % 3 == 0) g.storage = storage_id("nfs-vm");
        o.seed = seed;
        o.boots_after_reset = seed % 2 == 0;
        o.tokens.emplace_back("root@pam!full", "11111111-1111-4111-8111-111111111111", false);
        return o;
    }

    std::uint64_t below(std::uint64_t n) { return draw_.below(n); }
    template <class List>
    const auto& one_of(const List& list) {
        return list[below(std::size(list))];
    }

    node_name node() { return model_.nodes()[below(model_.nodes().size())].name; }

    /// A guest as it is, or now and then one that is not there.
    std::pair<std::string, std::string> guest_path() {
        const auto all = model_.files().guests();
        if (all.empty() || below(20) == 0) return {fmt::format("/nodes/{}/lxc/{}", node().str(), 100 + below(30)), "x"};
        const auto& p = all[below(all.size())];
        return {fmt::format("/nodes/{}/{}/{}", p.node.str(), api_word(p.guest.type), p.guest.id.number()),
                to_string(p.guest.id)};
    }

    void call(const std::string& method, const std::string& path, api::parameters params) {
        last_ = method + " " + path;
        for (const auto& [name, value] : params) last_ += " " + name + "=" + value;
        api::request what(node(), method, path);
        what.params = std::move(params);
        what.who.authorization = "PVEAPIToken=root@pam!full=11111111-1111-4111-8111-111111111111";
        if (!model_.find_node(what.contacted)->reachable()) return;
        api::reply answer = api::handle(model_, what);
        for (int patience = 0; answer.what_happens == api::reply::fate::again && patience < 200; ++patience) {
            model_.advance_to(model_.now() + answer.delay);
            answer = api::handle(model_, what);
        }
        REQUIRE(answer.what_happens != api::reply::fate::again);  // every wait ends
        REQUIRE(answer.status / 100 < 6);
        ++answered[answer.status / 100];
        if (!answer.body.empty()) (void)json::parse(answer.body);
    }

    std::string any_archive() {
        std::vector<std::string> all;
        for (const archive& a : model_.archives(storage_id("backup"), model_.nodes().front().name))
            all.push_back(a.id.str());
        return all.empty() ? "backup:backup/vzdump-lxc-100-2020_01_01-00_00_00.tar.zst" : one_of(all);
    }

    void restore() {
        const std::string archive = any_archive();
        const bool is_ct = archive.find("lxc") != std::string::npos;
        api::parameters p = {{"vmid", std::to_string(100 + below(12))},
                             {is_ct ? "ostemplate" : "archive", archive},
                             {"storage", one_of(disks_)}};
        if (is_ct) p.emplace_back("restore", "1");
        if (below(3) == 0) p.emplace_back("force", "1");
        if (below(2) == 0) p.emplace_back("start", "1");
        call("POST", fmt::format("/nodes/{}/{}", node().str(), is_ct ? "lxc" : "qemu"), std::move(p));
    }

    void act_on_guest() {
        const auto [path, id] = guest_path();
        switch (below(15)) {
            case 0: return call("POST", path + "/status/start", {});
            case 1: return call("POST", path + "/status/stop", {});
            case 2: return call("POST", path + "/status/shutdown", {{"timeout", "20"}});
            case 3: return call("POST", path + "/status/reboot", {});
            case 4: return call("DELETE", path, {});
            case 5: return call("PUT", path + "/config", {{"tags", "t" + std::to_string(below(3))}});
            case 6: return call("PUT", path + "/config", {{"memory", std::to_string(64 + below(4) * 64)}});
            case 7: return call("POST", path + "/migrate", {{"target", node().str()}, {"restart", "1"}});
            case 8: return call("POST", path + "/snapshot", {{"snapname", "s" + std::to_string(below(3))}});
            case 9: return call("DELETE", path + "/snapshot/s" + std::to_string(below(3)), {});
            case 10: return call("POST", path + "/snapshot/s" + std::to_string(below(3)) + "/rollback", {});
            case 11: return call("POST", path + "/clone", {{"newid", std::to_string(100 + below(12))}});
            case 12: return call("POST", path + "/status/suspend", {});
            case 13: return call("POST", path + "/status/resume", {});
            default:
                return call("POST", fmt::format("/nodes/{}/vzdump", path.substr(7, path.find('/', 7) - 7)),
                            {{"vmid", id}, {"storage", "backup"}});
        }
    }

    void create() {
        if (below(2) == 0)
            return call("POST", fmt::format("/nodes/{}/lxc", node().str()),
                        {{"vmid", std::to_string(100 + below(12))},
                         {"ostemplate", "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"},
                         {"rootfs", one_of(disks_) + ":4"}});
        call("POST", fmt::format("/nodes/{}/qemu", node().str()),
             {{"vmid", std::to_string(100 + below(12))}, {"scsi0", one_of(disks_) + ":8"}});
    }

    void stop_a_task() {
        std::vector<const task*> running;
        for (const auto& [upid, t] : model_.tasks())
            if (t.running()) running.push_back(&t);
        if (running.empty()) return;
        const task& t = *running[below(running.size())];
        call("DELETE", fmt::format("/nodes/{}/tasks/{}", t.node.str(), t.upid), {});
    }

    void break_something() {
        const std::string n = node().str();
        const std::string g = "ct" + std::to_string(100 + below(6));
        const std::string commands[] = {"power " + n + " off",
                                        "power " + n + " on",
                                        "net " + n + " off",
                                        "heal",
                                        "part " + n + "|" + node().str(),
                                        "pause " + n + " " + std::to_string(5 + below(60)),
                                        "reset " + n,
                                        "guest " + g + " crash",
                                        "guest " + g + " start-fails x1",
                                        "restore " + g + " workerkill 50% x1",
                                        "restore " + g + " fail 50% x1",
                                        "storage local-lvm@" + n + " offline",
                                        "storage local-lvm@" + n + " online",
                                        "lock " + g + " backup",
                                        "unlock " + g,
                                        "service " + n + " pveproxy freeze",
                                        "service " + n + " pveproxy start",
                                        "service " + n + " pvedaemon stop",
                                        "service " + n + " pvedaemon start"};
        last_ = one_of(commands);
        (void)apply_fault(model_, last_);  // some make no sense just now, and say so
    }

    void act() {
        switch (below(12)) {
            case 0: break_something(); break;
            case 1: restore(); break;
            case 2: create(); break;
            case 3: stop_a_task(); break;
            case 4:
            case 5:
                last_ = "time passes";
                model_.advance_to(model_.now() + std::chrono::seconds(below(below(4) == 0 ? 400 : 30)));
                break;
            default: act_on_guest(); break;
        }
    }

    random_source draw_;
    cluster model_;
    invariants rules_;
    std::string last_;
    const std::vector<std::string> disks_ = {"local-lvm", "nfs-vm", "local"};
};

int number_from_environment(const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::atoi(text);
}

}  // namespace

TEST_CASE("no sequence of calls and faults breaks what must hold") {
    const int first = number_from_environment("STEWARD_SIM_SEED", 1);
    const int count = number_from_environment("STEWARD_SIM_SEEDS", 20);
    int calls = 0;
    int good = 0;
    for (int seed = first; seed < first + count; ++seed) {
        chaos one(static_cast<std::uint64_t>(seed));
        const std::string why = one.run(250);
        INFO(fmt::format("seed {} (STEWARD_SIM_SEED={} STEWARD_SIM_SEEDS=1), last: {}", seed, seed, one.last()));
        REQUIRE(why == "");
        for (const int n : one.answered) calls += n;
        good += one.answered[2];
    }
    std::cout << fmt::format("{} sequences of 250 steps, {} calls answered, {} of them with 200\n", count, calls, good);
    CHECK(good * 4 > calls);  // a test that is only refused proves nothing
}

TEST_CASE("a seed is a history: the same one twice") {
    const auto history = [] {
        chaos one(7);
        (void)one.run(150);
        return one.state();
    };
    const std::string once = history();
    CHECK(history() == once);
}
