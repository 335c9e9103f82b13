#include "sim/scenario/expectation.hpp"

#include "core/failover/machine.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>

namespace steward::sim::scenario {

namespace {

/// A vmid is there once, whatever the type: "ct105" and "vm105" are the same guest.
bool is_same_guest(const std::string& a, const std::string& b) {
    const auto number = [](const std::string& word) {
        const std::size_t digits = word.find_first_of("0123456789");
        return digits == std::string::npos ? word : word.substr(digits);
    };
    return number(a) == number(b);
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

bool compares(compare how, int seen, int wanted) {
    if (how == compare::at_least) return seen >= wanted;
    if (how == compare::at_most) return seen <= wanted;
    return seen == wanted;
}

std::string when_seen(const std::vector<const happening*>& found) {
    if (found.empty()) return "it never happened";
    std::string text = "it happened at";
    const std::size_t most = 5;
    for (std::size_t i = 0; i < std::min(found.size(), most); ++i)
        text += fmt::format("{} {:.1f} s{}", i == 0 ? "" : ",", std::chrono::duration<double>(found[i]->at).count(),
                            found[i]->node.empty() ? "" : " (" + found[i]->node + ")");
    return text + (found.size() > most ? " …" : "");
}

std::vector<const happening*> all_like(const pattern& p, const timeline& seen) {
    std::vector<const happening*> found;
    for (const happening& h : seen.all)
        if (p.matches(h)) found.push_back(&h);
    return found;
}

std::vector<const happening*> within(std::vector<const happening*> found, const window& when) {
    std::erase_if(found, [&](const happening* h) { return !when.holds(h->at); });
    return found;
}

bool is_lasting(sight kind) {
    return kind == sight::state || kind == sight::held || kind == sight::leader || kind == sight::guard ||
           kind == sight::node_state;
}

/// What lasts until something else is said of the same guest or node; leadership is one thing for the whole cluster.
duration end_of(const happening& h, const timeline& seen) {
    const auto ends_it = [&](const happening& next) {
        if (next.at < h.at || &next == &h) return false;
        if (h.kind == sight::leader) return next.kind == sight::leader;
        if (h.kind == sight::guard || h.kind == sight::node_state) return next.kind == h.kind && next.node == h.node;
        if (next.guest != h.guest) return false;
        if (h.kind == sight::held)
            return (next.kind == sight::held && next.name != h.name) ||
                   (next.kind == sight::state && next.name != "held");
        return next.kind == sight::state;
    };
    bool is_past = false;
    for (const happening& next : seen.all) {
        if (is_past && ends_it(next)) return next.at;
        is_past = is_past || &next == &h;
    }
    return duration::max();
}

/// Whether any of them holds at some moment of the window.
bool lasts_into(const std::vector<const happening*>& found, const window& when, const timeline& seen) {
    return std::any_of(found.begin(), found.end(), [&](const happening* h) {
        const duration end = end_of(*h, seen);
        const double from = std::chrono::duration<double>(h->at).count();
        const double to = end == duration::max() ? when.to : std::chrono::duration<double>(end).count();
        return from <= when.to && to >= when.from;
    });
}

bool some_moment_without_holds(const window& when, const timeline& seen) {
    std::vector<double> moments{when.from};
    for (const happening& h : seen.all)
        if (h.kind == sight::state && when.holds(h.at)) moments.push_back(std::chrono::duration<double>(h.at).count());
    return std::any_of(moments.begin(), moments.end(), [&](double moment) {
        return std::none_of(seen.all.begin(), seen.all.end(), [&](const happening& h) {
            if (h.kind != sight::held) return false;
            const duration end = end_of(h, seen);
            const bool is_over = end != duration::max() && std::chrono::duration<double>(end).count() <= moment;
            return std::chrono::duration<double>(h.at).count() <= moment && !is_over;
        });
    });
}

std::string count_disagrees(const expectation& wanted, const timeline& seen) {
    auto found = within(all_like(wanted.what, seen), wanted.when);
    // From before zero: nothing that the scenario did.
    std::erase_if(found,
                  [](const happening* h) { return h->stands || (h->kind == sight::run && h->at == duration::zero()); });
    if (compares(wanted.comparison, static_cast<int>(found.size()), wanted.number)) return {};
    return fmt::format("counted {}: {}", found.size(), when_seen(found));
}

/// A claim that was given up before its commit cost nothing and does not count.
bool was_given_up(const happening& claim, const timeline& seen) {
    const auto next = std::find_if(seen.all.begin(), seen.all.end(), [&](const happening& h) {
        const bool decides = h.kind == sight::abort || h.kind == sight::park;
        return decides && h.guest == claim.guest && h.at >= claim.at;
    });
    return next != seen.all.end() && next->kind == sight::abort;
}

std::string failovers_disagree(const expectation& wanted, const timeline& seen) {
    auto found = within(all_like(wanted.what, seen), wanted.when);
    std::erase_if(found, [&](const happening* h) { return h->kind == sight::claim && was_given_up(*h, seen); });
    if (compares(wanted.comparison, static_cast<int>(found.size()), wanted.number)) return {};
    return fmt::format("counted {}: {}", found.size(), when_seen(found));
}

std::string final_of(const std::string& guest, const expectation& wanted, const end_of_guest& end) {
    const std::string is =
        fmt::format("{} {} {}{} gen {}", guest, end.runs_on.empty() ? "stopped" : "runs on " + end.runs_on, end.phase,
                    end.held.empty() ? "" : " (" + end.held + ")", end.generation);
    if (wanted.is_running != !end.runs_on.empty()) return is;
    if (wanted.is_running && !wanted.nodes.empty() && !contains(wanted.nodes, end.runs_on)) return is;
    if (wanted.generation != 0 && wanted.generation != end.generation) return is;
    if (wanted.state.empty()) return {};
    const bool is_held = end.phase == "held" || end.phase == "rolled_back";
    const bool stands = wanted.state == "healthy"      ? end.is_healthy && !is_held
                        : wanted.state == "unverified" ? end.is_unverified
                        : wanted.state == "held"       ? is_held
                                                       : wanted.state == end.phase || wanted.state == end.held;
    return stands ? "" : is + (end.is_healthy ? ", healthy" : ", unhealthy");
}

const end_of_guest* end_of(const std::string& guest, const timeline& seen) {
    for (const auto& [name, end] : seen.guests)
        if (is_same_guest(name, guest)) return &end;
    return nullptr;
}

std::string final_disagrees(const expectation& wanted, const timeline& seen) {
    for (const auto& [guest, end] : seen.guests) {
        if (!wanted.guest.empty() && !is_same_guest(guest, wanted.guest)) continue;
        if (std::string why = final_of(guest, wanted, end); !why.empty()) return why;
    }
    if (!wanted.guest.empty() && end_of(wanted.guest, seen) == nullptr)
        return wanted.guest + " is no guest of this scenario";
    return {};
}

std::string cleaned_disagrees(const expectation& wanted, const timeline& seen) {
    const end_of_guest* end = end_of(wanted.guest, seen);
    if (end == nullptr) return wanted.guest + " is no guest of this scenario";
    for (const std::string& node : wanted.nodes)
        if (contains(end->remains_on, node)) return fmt::format("something of {} is left on {}", wanted.guest, node);
    return {};
}

std::string same_node_disagrees(const expectation& wanted, const timeline& seen) {
    const end_of_guest* one = end_of(wanted.guest, seen);
    const end_of_guest* two = end_of(wanted.other, seen);
    if (one == nullptr || two == nullptr) return "one of them is no guest of this scenario";
    const bool together = !one->runs_on.empty() && one->runs_on == two->runs_on;
    if (together == (wanted.number != 0)) return {};
    return fmt::format("{} runs on {}, {} on {}", wanted.guest, one->runs_on, wanted.other, two->runs_on);
}

std::string at_rest_disagrees(const timeline& seen) {
    for (const auto& [guest, end] : seen.guests) {
        const auto phase = failover::parse_phase(end.phase);
        const bool is_busy = phase && (failover::is_in_flight(*phase) || *phase == failover::phase::suspect ||
                                       *phase == failover::phase::confirming || *phase == failover::phase::restarting);
        if (is_busy) return fmt::format("{} is {}", guest, end.phase);
        // Down, and nobody says why.
        if (end.runs_on.empty() && (end.phase == "watching" || end.phase == "done"))
            return fmt::format("{} is down and {}", guest, end.phase);
    }
    return {};
}

std::string always_disagrees(const expectation& wanted, const timeline& seen) {
    pattern whatever = wanted.what;
    whatever.names.clear();
    const auto all = within(all_like(whatever, seen), wanted.when);
    std::string others;
    for (const happening* h : all)
        if (!wanted.what.matches(*h)) others += (others.empty() ? "" : ", ") + to_string(*h);
    return all.empty() ? "it never happened" : others;
}

std::string everywhere_disagrees(const expectation& wanted, const timeline& seen) {
    for (const std::string& node : seen.nodes) {
        expectation here = wanted;
        here.how = expectation::form::happens;
        here.what.nodes = {node};
        if (std::string why = disagreement(here, seen); !why.empty()) return node + ": " + why;
    }
    return {};
}

/// Only the first hand-over of each guest counts: what is tried again later has its own reasons. Two are restored at
/// once, so that one guest that is more important may still be on its way.
std::string priority_disagrees(const timeline& seen) {
    std::vector<std::pair<int, std::string>> order;
    for (const happening& h : seen.all) {
        const end_of_guest* end = h.kind == sight::claim ? end_of(h.guest, seen) : nullptr;
        const auto is_same = [&](const auto& o) { return o.second == h.guest; };
        if (end != nullptr && std::none_of(order.begin(), order.end(), is_same))
            order.emplace_back(end->priority, h.guest);
    }
    if (order.size() < 2) return "there were no two hand-overs";
    for (auto one = order.begin(); one != order.end(); ++one) {
        const auto is_above = [&](const auto& o) { return o.first > one->first; };
        if (std::count_if(one, order.end(), is_above) < failover::traffic::most) continue;
        return fmt::format("{} (priority {}) was handed over before {} that are more important", one->second,
                           one->first, std::count_if(one, order.end(), is_above));
    }
    return {};
}

std::string peak_disagrees(const expectation& wanted, const timeline& seen) {
    const auto found = seen.peaks.find(wanted.what.names.front());
    const int peak = found == seen.peaks.end() ? 0 : found->second;
    return compares(wanted.comparison, peak, wanted.number) ? "" : fmt::format("there were {}", peak);
}

}  // namespace

bool window::holds(duration at) const {
    const double seconds = std::chrono::duration<double>(at).count();
    return seconds >= from && seconds <= to;
}

bool pattern::matches(const happening& h) const {
    // A hold is a state as well, by its reason.
    const bool is_kind = h.kind == kind || (kind == sight::state && h.kind == sight::held);
    if (!is_kind || (!guest.empty() && !is_same_guest(h.guest, guest))) return false;
    if (!nodes.empty() && !contains(nodes, h.node)) return false;
    if (!names.empty() && !contains(names, h.name)) return false;
    return name_has.empty() || (h.name + " " + h.text).find(name_has) != std::string::npos;
}

std::string disagreement(const expectation& wanted, const timeline& seen) {
    switch (wanted.how) {
        case expectation::form::happens: {
            if (wanted.what.kind == sight::held && wanted.what.names == std::vector<std::string>{"none"})
                return some_moment_without_holds(wanted.when, seen) ? "" : "somebody is held all the time";
            const auto found = all_like(wanted.what, seen);
            const bool stands = std::any_of(found.begin(), found.end(), [](const happening* h) { return h->stands; });
            if (stands && wanted.when.to >= 0) return {};
            if (is_lasting(wanted.what.kind)) return lasts_into(found, wanted.when, seen) ? "" : when_seen(found);
            return within(found, wanted.when).empty() ? when_seen(found) : "";
        }
        case expectation::form::count: return count_disagrees(wanted, seen);
        case expectation::form::failovers: return failovers_disagree(wanted, seen);
        case expectation::form::final_state: return final_disagrees(wanted, seen);
        case expectation::form::retained: {
            const end_of_guest* end = end_of(wanted.guest, seen);
            if (end != nullptr && end->lost_at && !wanted.when.holds(*end->lost_at)) return {};
            return end != nullptr && end->is_retained ? "" : "its original configuration or a volume is gone";
        }
        case expectation::form::cleaned: return cleaned_disagrees(wanted, seen);
        case expectation::form::same_node: return same_node_disagrees(wanted, seen);
        case expectation::form::at_rest: return at_rest_disagrees(seen);
        case expectation::form::peak: return peak_disagrees(wanted, seen);
        case expectation::form::always: return always_disagrees(wanted, seen);
        case expectation::form::everywhere: return everywhere_disagrees(wanted, seen);
        case expectation::form::by_priority: return priority_disagrees(seen);
        case expectation::form::either: break;
    }
    std::string all;
    for (const expectation& choice : wanted.choices) {
        const std::string why = disagreement(choice, seen);
        if (why.empty()) return {};
        all += (all.empty() ? "" : "; ") + why;
    }
    return all;
}

double last_moment(const expectation& wanted) {
    double last = 0;
    for (const expectation& choice : wanted.choices) last = std::max(last, last_moment(choice));
    if (std::isfinite(wanted.when.to)) last = std::max(last, wanted.when.to);
    if (std::isfinite(wanted.when.from)) last = std::max(last, wanted.when.from);
    return last;
}

}  // namespace steward::sim::scenario
