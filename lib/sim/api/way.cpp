#include "sim/api/call.hpp"

#include <fmt/core.h>

namespace steward::sim::api {

using namespace std::chrono_literals;

namespace {

constexpr duration no_arp_answer = 3100ms;  // recorded: mj-05
constexpr duration proxy_patience = 30s;    // pve-facts B.5, recorded: flt-02

/// The request sits in the frozen daemon's socket and is carried out when that goes on, long after we gave up.
void run_when_thawed(cluster& model, const request& what, const node_name& at) {
    request later(at, what.method, what.path);
    later.params = what.params;
    later.who = what.who;
    model.when_thawed(at, [&model, later]() mutable { (void)handle(model, later); });
}

std::optional<reply> without_pmxcfs(const sim_node& n) {
    if (n.pmxcfs != service::stopped) return std::nullopt;
    return bare(500, "RPCEnvironment init request failed: Unable to load access control list: Connection refused", 10s);
}

}  // namespace

std::optional<reply> way_into(cluster& model, const request& what) {
    const sim_node* n = model.find_node(what.contacted);
    if (n->pveproxy == service::frozen) {
        run_when_thawed(model, what, what.contacted);
        reply silence;
        silence.what_happens = reply::fate::hang;
        return silence;
    }
    return without_pmxcfs(*n);
}

std::optional<reply> way_to(cluster& model, const request& what, const pve::schema::method& call, const node_name& at) {
    const sim_node* target = model.find_node(at);
    if (target == nullptr)
        return error(500, fmt::format("hostname lookup '{0}' failed - failed to get address info for: {0}: Name or "
                                      "service not known",
                                      at.str()));
    if (at != what.contacted) {
        if (!model.can_reach(what.contacted, at)) return bare(595, "No route to host", no_arp_answer);
        if (target->pveproxy == service::stopped) return bare(595, "Connection refused", 0s);
        if (target->pveproxy == service::frozen) {
            run_when_thawed(model, what, at);
            return bare(596, "Connection timed out", proxy_patience);
        }
        const auto fault = model.faults().api.find(at);
        if (fault != model.faults().api.end() && fault->second.mode == api_mode::hang)
            return bare(596, "Connection timed out", proxy_patience);
        if (auto broken = without_pmxcfs(*target)) return broken;
    }
    if (call.is_protected && target->pvedaemon == service::stopped) return bare(595, "Connection refused", 0s);
    if (call.is_protected && target->pvedaemon == service::frozen)
        return bare(596, "Connection timed out", proxy_patience);
    return std::nullopt;
}

}  // namespace steward::sim::api
