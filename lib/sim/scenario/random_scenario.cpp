#include "sim/scenario/random_scenario.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <string_view>
#include <utility>

namespace steward::sim::scenario {

namespace {

constexpr int hour = 3600;
constexpr int first_fault = 60;
constexpr int last_fault_before_heal = 300;
constexpr int longest_pause = 400;

/// Draws one seed's cluster and faults.
class dealer {
  public:
    dealer(std::uint64_t seed, const random_shape& shape)
        : chance_(seed * 2654435761U + 1),
          shape_(shape),
          end_at_(shape.hours * hour),
          heal_at_(std::max(end_at_ - hour, end_at_ / 2)) {
        out_.seed = seed;
    }

    draft deal() {
        choose_cluster();
        choose_kinds();
        const int last_fault = heal_at_ - last_fault_before_heal;
        const int faults = 1 + below(12 * std::max(1, heal_at_ / hour));
        for (int i = 0; i < faults; ++i) deal_one(first_fault + below(last_fault - first_fault));
        std::stable_sort(out_.script.begin(), out_.script.end(),
                         [](const draft::step& a, const draft::step& b) { return a.at < b.at; });
        heal();
        expect();
        return std::move(out_);
    }

  private:
    int below(int most) { return static_cast<int>(chance_.below(static_cast<std::uint64_t>(most))); }
    bool one_in(int n) { return below(n) == 0; }
    template <std::size_t N>
    std::string_view any_of(const std::array<std::string_view, N>& list) {
        return list.at(chance_.below(N));
    }

    void choose_cluster() {
        // Most clusters are small; one of sixteen nodes costs as much as ten of those.
        constexpr std::array<std::pair<int, int>, 11> sizes{
            {{3, 30}, {5, 12}, {4, 11}, {2, 8}, {1, 4}, {6, 2}, {7, 1}, {8, 1}, {10, 1}, {12, 1}, {16, 1}}};
        const auto is_wanted = [this](int size) { return size >= shape_.least_nodes && size <= shape_.largest; };
        int sum = 0;
        for (const auto& [size, weight] : sizes) sum += is_wanted(size) ? weight : 0;
        // A range between two of these sizes is a size of its own.
        nodes_ = shape_.least_nodes;
        int drawn = sum == 0 ? 0 : below(sum);
        for (const auto& [size, weight] : sizes) {
            if (!is_wanted(size)) continue;
            nodes_ = size;
            drawn -= weight;
            if (drawn < 0) break;
        }
        std::string kind;
        if (nodes_ == 2)
            kind = one_in(4) ? "" : "q";
        else if (one_in(4))
            kind = std::array<const char*, 3>{"w0", "weak", "sh"}.at(chance_.below(3));
        out_.topology = fmt::format("c{}{}", nodes_, kind);
        guests_ = nodes_;
        if (one_in(3)) {
            guests_ = nodes_ + below(std::min(60 - nodes_, 4 * nodes_));
            out_.settings += fmt::format(" guests={}", guests_);
        } else if (one_in(30)) {
            guests_ = 0;
            out_.settings += " guests=[]";
        }
        if (guests_ > 0 && one_in(6)) out_.settings += fmt::format(" ha=[{}]", guest());
        if (one_in(4)) out_.settings += fmt::format(" max_relocate={}", below(3));
        if (one_in(8)) out_.settings += fmt::format(" restore_time={}", 10 + below(600));
    }

    /// Each seed has its own mixture: what always happens together hides what only happens alone.
    void choose_kinds() {
        for (int k = 0; k < kinds; ++k)
            if (one_in(3)) enabled_.push_back(k);
        if (enabled_.empty()) enabled_.push_back(below(kinds));
    }

    std::string node() { return fmt::format("n{}", 1 + below(nodes_)); }
    std::string guest() {
        const int i = below(guests_);
        if (i >= nodes_) return fmt::format("ct{}", 200 + i - nodes_);
        return fmt::format("{}{}", i == 2 || i == 4 ? "vm" : "ct", 101 + i);
    }
    int time() { return one_in(4) ? 5 + below(longest_pause) : 5 + below(60); }

    /// What undoes a fault is early enough to be before everything is put right.
    void say(int at, std::string command) { out_.script.push_back({std::min(at, heal_at_ - 1), std::move(command)}); }

    void deal_one(int at) {
        const int kind = enabled_.at(chance_.below(enabled_.size()));
        const bool is_about_guest = kind >= first_guest_kind;
        if (is_about_guest && guests_ == 0) return say(at, "power " + node() + " off 120");
        if (is_about_guest) return deal_guest(at, kind);
        deal_node(at, kind);
    }

    void deal_node(int at, int kind) {
        switch (kind) {
            case 0:
                return say(at, fmt::format("power {} off{}", node(), one_in(2) ? fmt::format(" {}", 30 + time()) : ""));
            case 1: return say(at, fmt::format("{} {} off {}", any_of<3>({"net", "cnet", "svc"}), node(), time()));
            case 2: return partition(at);
            case 3: return say(at, fmt::format("kill {}.{}", node(), any_of<3>({"main", "guard", "main"})));
            case 4: return say(at, fmt::format("stop {}.{} {}", node(), any_of<2>({"main", "guard"}), time()));
            case 5: return say(at, fmt::format("pause {} {}", node(), time()));
            case 6: return files(at);
            case 7: return say(at, fmt::format("clock {} step {}{}", node(), one_in(2) ? "+" : "-", 1 + below(4000)));
            case 8: return api(at);
            case 9: return storage(at);
            case 10: return token(at);
            case 11: return say(at, fmt::format("crash-at random x{}", 1 + below(3)));
            case 12: return say(at, fmt::format("wd {} absent", node()));
            case 14:
                return say(at,
                           one_in(3) ? "try shutdown " + node() : fmt::format("try reboot {} {}", node(), 30 + time()));
            default: return pause_something(at);
        }
    }

    void deal_guest(int at, int kind) {
        const std::string g = guest();
        switch (kind - first_guest_kind) {
            case 0: return say(at, fmt::format("guest {} {}", g, any_of<3>({"crash", "refuse", "stop"})));
            case 1:
                return say(at, fmt::format("probe {} {} {}{}", g, any_of<2>({"fail", "timeout"}), time(),
                                           one_in(3) ? " from " + node() : ""));
            case 2:
                say(at, fmt::format("guest {} {} x{}", g, any_of<3>({"stop-fails", "start-fails", "shutdown-hangs"}),
                                    1 + below(2)));
                return say(at + 5, "guest " + g + " crash");
            case 3:
                say(at, fmt::format("restore {} {} x1", g,
                                    any_of<5>({"fail 30%", "hang", "slow 3", "workerkill 50%", "enospc 60%"})));
                return say(at + 5, "guest " + g + " crash");
            case 4: return say(at, fmt::format("try backup {} {}", g, any_of<3>({"none", "stale", "corrupt"})));
            default: return order(at, g);
        }
    }

    void order(int at, const std::string& g) {
        switch (below(7)) {
            case 0: return say(at, "op stop " + g);
            case 1: return say(at, "op restart " + g);
            case 2: return say(at, "op retry " + g);
            case 3: return say(at, "op abort " + g);
            case 4: return say(at, fmt::format("op pause {} {}", g, 60 + time()));
            case 5: return say(at, fmt::format("op migrate {} {}", g, node()));
            default: say(at, fmt::format("try lock {} backup", g)); return say(at + time(), "try unlock " + g);
        }
    }

    void partition(int at) {
        if (nodes_ < 3) return say(at, fmt::format("cnet {} off {}", node(), time()));
        std::array<std::string, 2> sides;
        for (int i = 1; i <= nodes_; ++i) {
            std::string& side = sides.at(i == 1 ? 0 : i == nodes_ ? 1 : chance_.below(2));
            side += (side.empty() ? "n" : ",n") + std::to_string(i);
        }
        say(at, one_in(4) ? std::string("part ring") : fmt::format("part {}|{}", sides[0], sides[1]));
        say(at + time(), "heal");
    }

    void files(int at) {
        switch (below(3)) {
            case 0: say(at, fmt::format("cfs {} rw fail", node())); return;
            case 1: return say(at, fmt::format("cfs {} hang {}", node(), 1 + below(40)));
            default: return say(at, fmt::format("cfs {} restart {}", node(), 1 + below(40)));
        }
    }

    void api(int at) {
        constexpr std::array<std::string_view, 7> ways{"595",     "596",        "500",       "hang",
                                                       "garbage", "drop-reply", "list-empty"};
        say(at, fmt::format("api {} {} {}", one_in(3) ? std::string("any") : node(), any_of(ways), time()));
    }

    void storage(int at) {
        const std::string_view which = any_of<2>({"pbs", "local"});
        const bool one_node = which == "local" && one_in(2);
        say(at, fmt::format("storage {}{} {}", which, one_node ? "@" + node() : "", any_of<2>({"offline", "full"})));
        say(at + time(), fmt::format("storage {} online", which));
    }

    void token(int at) {
        if (one_in(2)) {
            say(at, "token revoke");
            return say(at + time(), "token restore");
        }
        const std::string privilege(any_of<3>({"VM.PowerMgmt", "VM.Allocate", "Datastore.AllocateSpace"}));
        say(at, "token deny " + privilege);
        say(at + time(), "token allow " + privilege);
    }

    void pause_something(int at) {
        if (one_in(2)) return say(at, fmt::format("op pause cluster {}", 60 + time()));
        const std::string n = node();
        say(at, "maint " + n + " on");
        say(at + 200 + time(), "maint " + n + " off");
    }

    /// From here on nothing is broken.
    void heal() {
        out_.healed = heal_at_;
        std::vector<std::string> all{
            "heal",       "power all on",  "net all on",         "cnet all on",         "svc all on", "cfs all rw work",
            "api any ok", "token restore", "storage pbs online", "storage local online"};
        for (const char* p : {"VM.PowerMgmt", "VM.Allocate", "Datastore.AllocateSpace"})
            all.push_back(std::string("token allow ") + p);
        for (int i = 1; i <= nodes_; ++i) {
            all.push_back(fmt::format("storage local@n{} online", i));
            all.push_back(fmt::format("maint n{} off", i));
        }
        if (guests_ > 0) all.push_back("probe all ok");
        for (std::string& command : all) out_.script.push_back({heal_at_, std::move(command)});
    }

    void expect() {
        out_.until = end_at_;
        out_.expect = {"double-run == 0", "concurrency restores <= 2", "never crash any"};
        if (end_at_ - heal_at_ < hour) return;
        out_.expect.push_back(fmt::format("terminal any by {}", end_at_ - 60));
        const bool can_lead = guests_ > 0 && out_.topology != "c2";
        if (can_lead) out_.expect.push_back(fmt::format("never leader none after {}", end_at_ - 1200));
    }

    static constexpr int kinds = 21;
    static constexpr int first_guest_kind = 15;

    random_source chance_;
    random_shape shape_;
    int end_at_;
    int heal_at_;
    draft out_;
    int nodes_ = 3;
    int guests_ = 3;
    std::vector<int> enabled_;
};

}  // namespace

draft random_draft(std::uint64_t seed, const random_shape& shape) { return dealer(seed, shape).deal(); }

std::string to_text(const draft& d) {
    std::string text = fmt::format("sim: 1\nid: R{0}\nname: seed-{0}\ngroup: R random\ntopology: \"{1}{2}\"\nscript:\n",
                                   d.seed, d.topology, d.settings);
    for (std::size_t i = 0; i < d.script.size();) {
        const int at = d.script[i].at;
        text += fmt::format("  - {{at: {}, do: [", at);
        for (const char* comma = ""; i < d.script.size() && d.script[i].at == at; ++i, comma = ", ")
            text += fmt::format("{}\"{}\"", comma, d.script[i].command);
        text += "]}\n";
    }
    text += fmt::format("until: {}\nexpect:\n", d.until);
    for (const std::string& line : d.expect) text += fmt::format("  - \"{}\"\n", line);
    return text + "invariants: all\n";
}

}  // namespace steward::sim::scenario
