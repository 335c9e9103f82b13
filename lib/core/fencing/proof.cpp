#include "core/fencing/proof.hpp"

#include <fmt/core.h>

namespace steward::fencing {

namespace {

verdict proven(proof p, std::string why) {
    verdict v;
    v.given = p;
    v.text = std::move(why);
    return v;
}

verdict withheld(std::string code, std::string why, std::string release) {
    verdict v;
    v.code = std::move(code);
    v.text = std::move(why);
    v.release = std::move(release);
    return v;
}

verdict no_promise(const evidence& e, std::string why) {
    if (e.has_agent && e.agent_failure.empty())
        return withheld("", fmt::format("{} {}; its fence agent has to switch it off", e.node.str(), why), "");
    const std::string failed = e.has_agent ? "; its fence agent failed: " + e.agent_failure : "";
    return withheld("no_fence",
                    fmt::format("{} {}: nobody knows whether it still runs its guests{}", e.node.str(), why, failed),
                    fmt::format("{} comes back, or: steward fence-confirm {}", e.node.str(), e.node.str()));
}

/// The promise of a silent node's guard, once its time is up.
verdict by_promise(const evidence& e) {
    const std::string node = e.node.str();
    if (!e.lease || !e.silence) return no_promise(e, "never renewed a lease before our eyes");
    const lease::contract promise = e.lease->promise;
    if (promise == lease::contract::none) return no_promise(e, "has promised nothing (no watchdog armed)");
    if (promise == lease::contract::selfstop && !e.accepts_weak)
        return no_promise(e, "only promised to kill its guests itself, and accept_weak_fence is not set");
    if (promise == lease::contract::selfstop && !e.has_same_guests)
        return no_promise(e, "has another configuration: its guard may not know of the guest");
    const duration left = timing::take - *e.silence;
    if (left > duration::zero())
        return withheld("",
                        fmt::format("{} renewed its lease {} ago; its watchdog must have fired in {}", node,
                                    describe_duration(*e.silence), describe_duration(left)),
                        "");
    const proof p = promise == lease::contract::watchdog ? proof::waitout : proof::selfstop;
    return proven(p, fmt::format("{} has not renewed its lease for {}, and promised {}", node,
                                 describe_duration(*e.silence), lease::name_of(promise)));
}

}  // namespace

const char* name_of(proof p) noexcept {
    switch (p) {
        case proof::stopped: return "stopped";
        case proof::released: return "released";
        case proof::reboot: return "reboot";
        case proof::agent: return "agent";
        case proof::waitout: return "waitout";
        case proof::selfstop: return "selfstop";
        case proof::manual: return "manual";
    }
    return "none";
}

std::string to_text(const confirmation& c) {
    return fmt::format("{} {} {}", c.boot_id, c.when.time_since_epoch().count(), c.by);
}

std::optional<confirmation> parse_confirmation(const std::string& text) {
    const std::size_t first = text.find(' ');
    const std::size_t second = first == std::string::npos ? first : text.find(' ', first + 1);
    if (second == std::string::npos || first == 0) return std::nullopt;
    confirmation c;
    c.boot_id = text.substr(0, first);
    c.when = wall_time(std::chrono::seconds(std::strtoll(text.c_str() + first + 1, nullptr, 10)));
    c.by = text.substr(second + 1);
    return c;
}

verdict judge(const evidence& e) {
    const std::string node = e.node.str();
    const bool is_new_boot = e.lease && !e.boot_at_claim.empty() && e.lease->boot_id != e.boot_at_claim;
    if (is_new_boot) return proven(proof::reboot, node + " has booted since");
    if (e.confirmed && (!e.lease || e.lease->boot_id == e.confirmed->boot_id))
        return proven(proof::manual, fmt::format("{} confirmed that {} is down", e.confirmed->by, node));
    // Its last word before it left was that nothing of ours runs there any more.
    if (e.lease && lease::is_empty_handed(e.lease->promise) && !e.is_member && e.gone_for)
        return proven(proof::released,
                      fmt::format("{} stopped all its guests and {}", node,
                                  e.lease->promise == lease::contract::frozen ? "went down for a reboot" : "left"));
    if (e.is_member || !e.gone_for || *e.gone_for < timing::off)
        return withheld("", node + " is not gone for long enough to be called offline", "");
    verdict v = by_promise(e);
    const bool is_off = e.off_by_agent && *e.off_by_agent >= timing::after_agent;
    const bool is_alive_since = e.silence && e.off_by_agent && *e.silence < *e.off_by_agent;
    if (is_off && !is_alive_since && !v.given) v = proven(proof::agent, "the fence agent switched " + node + " off");
    if (e.has_agent && e.shows_life) v.code = "no_fence";  // it would be switched off although it serves
    const bool is_vetoed = v.given == proof::waitout || v.given == proof::selfstop || v.given == proof::agent;
    // Restoring an older backup over a guest that serves would be worse than waiting (reliability §1.3).
    if (e.shows_life && (is_vetoed || v.code == "no_fence"))
        return withheld("life_evidence", fmt::format("{} is not in the cluster, but the guest still answers", node),
                        fmt::format("the guest falls silent, or {} comes back", node));
    return v;
}

bool wants_agent(const evidence& e) {
    if (!e.has_agent || !e.agent_failure.empty() || e.off_by_agent || e.shows_life) return false;
    return !e.is_member && e.gone_for && *e.gone_for >= timing::off;
}

}  // namespace steward::fencing
