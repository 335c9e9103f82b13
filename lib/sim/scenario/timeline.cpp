#include "sim/scenario/timeline.hpp"

#include <fmt/core.h>

namespace steward::sim::scenario {

const char* name_of(sight s) noexcept {
    switch (s) {
        case sight::run: return "run";
        case sight::stop: return "stop";
        case sight::kill: return "kill";
        case sight::state: return "state";
        case sight::held: return "held";
        case sight::alert: return "alert";
        case sight::reset: return "reset";
        case sight::leader: return "leader";
        case sight::fence: return "fence";
        case sight::node_state: return "nodestate";
        case sight::guard: return "guard";
        case sight::claim: return "claim";
        case sight::abort: return "abort";
        case sight::park: return "park";
        case sight::restore: return "restore";
        case sight::archive: return "archive";
        case sight::backup: return "backup";
        case sight::start: return "start";
        case sight::write: return "write";
        case sight::reject: return "reject";
        case sight::hook: return "hook";
        case sight::exit: return "exits";
        case sight::crash: return "crash";
        case sight::broken: return "broken";
    }
    return "?";
}

std::string to_string(const happening& h) {
    std::string text = fmt::format("{:9.1f} s  {}", std::chrono::duration<double>(h.at).count(), name_of(h.kind));
    if (!h.guest.empty()) text += " " + h.guest;
    if (!h.node.empty()) text += (h.guest.empty() ? " " : " @ ") + h.node;
    if (!h.name.empty()) text += " " + h.name;
    if (!h.text.empty()) text += "  (" + h.text + ")";
    return text;
}

}  // namespace steward::sim::scenario
