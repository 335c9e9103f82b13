#include "fence_world.hpp"
#include "leader_world.hpp"
#include "search.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <functional>
#include <map>

/// Explores the protocols of leases, leadership and fencing exhaustively, with the machines that run in production.
/// Exit 0: every world held, or, with what was asked to be weakened, was found broken. See docs/testing.md.
using namespace steward;
using namespace steward::model_check;

namespace {

constexpr const char* usage =
    "usage: model_check [--faults N] [--states MILLIONS] [WORLD…]\n"
    "so many faults at most in one history (3; of fences one more); so many states at most in one world\n"
    "worlds: fence/watchdog fence/selfstop fence/none leader, and each of them weakened (fence/watchdog:waits_less "
    "…);\n"
    "without a name all of them\n";

template <class World>
bool hold(const char* name, const World& world, bool is_sound, std::size_t most) {
    const outcome found = search<World>(world, most).run();
    const bool as_wanted = is_sound == found.broken.empty();
    fmt::print("{:5} {}: {} states{}, {} steps deep: {}\n", as_wanted ? "ok" : "FAILED", name, found.states,
               found.is_complete ? " (all there are)" : "", found.depth,
               found.broken.empty() ? "nothing broken" : found.broken.c_str());
    if (!as_wanted)
        for (const std::string& line : found.history) fmt::print("      {}\n", line);
    std::fflush(stdout);
    return as_wanted;
}

int most_faults = 3;

using run = std::function<bool(const char*, std::size_t)>;

run fence(lease::contract wanted, fence_world::weakness weak = fence_world::weakness::none) {
    return [=](const char* name, std::size_t most) {
        return hold(name, fence_world(wanted, most_faults + 1, weak), weak == fence_world::weakness::none, most);
    };
}

run leaders(leader_world::weakness weak = leader_world::weakness::none) {
    return [=](const char* name, std::size_t most) {
        return hold(name, leader_world(most_faults, weak), weak == leader_world::weakness::none, most);
    };
}

const std::map<std::string, run>& worlds() {
    using lease::contract;
    using fence_weak = fence_world::weakness;
    using lead_weak = leader_world::weakness;
    static const std::map<std::string, run> all = {
        {"fence/watchdog", fence(contract::watchdog)},
        {"fence/selfstop", fence(contract::selfstop)},
        {"fence/none", fence(contract::none)},
        {"fence/watchdog:waits_less", fence(contract::watchdog, fence_weak::waits_less)},
        {"fence/watchdog:no_embargo", fence(contract::watchdog, fence_weak::no_embargo)},
        {"fence/none:believes_in_none", fence(contract::none, fence_weak::believes_in_none)},
        {"fence/selfstop:keeps_no_promise", fence(contract::selfstop, fence_weak::keeps_no_promise)},
        {"leader", leaders()},
        {"leader:acts_without_looking", leaders(lead_weak::acts_without_looking)},
        {"leader:asks_early", leaders(lead_weak::asks_early)},
    };
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t most = 4'000'000'000U;
    std::vector<std::string> chosen;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--faults") == 0 && i + 1 < argc) {
            most_faults = std::atoi(argv[++i]);
        } else if (std::strcmp(argv[i], "--states") == 0 && i + 1 < argc) {
            most = static_cast<std::size_t>(std::strtod(argv[++i], nullptr) * 1e6);
        } else if (worlds().count(argv[i]) != 0) {
            chosen.emplace_back(argv[i]);
        } else {
            std::fputs(usage, stderr);
            return 2;
        }
    }
    if (chosen.empty())
        for (const auto& [name, check] : worlds()) chosen.push_back(name);
    bool ok = true;
    for (const std::string& name : chosen) ok = worlds().at(name)(name.c_str(), most) && ok;
    return ok ? 0 : 1;
}
