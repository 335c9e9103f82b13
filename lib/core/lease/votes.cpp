#include "core/lease/votes.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::lease {

namespace {

enum class ballot { up, down, unsure };

bool contains(const std::vector<guest_id>& all, guest_id one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

/// Nothing when that node has no vote at all.
std::optional<ballot> vote_of(const node_name& node, guest_id guest, const lease_watch& leases,
                              const std::string& digest, time_point now) {
    const node_lease* l = leases.last(node);
    const auto silence = leases.silence(node, now);
    if (l == nullptr || !silence || *silence >= freshest_vote) return std::nullopt;
    if (!l->is_fit || l->config_digest != digest) return ballot::unsure;
    if (contains(l->down, guest)) return ballot::down;
    return contains(l->unsure, guest) ? ballot::unsure : ballot::up;
}

ballot own_vote(const health::summary& own) {
    if (own.now == health::standing::down) return ballot::down;
    return own.now == health::standing::up ? ballot::up : ballot::unsure;
}

}  // namespace

opinion opinion_of(guest_id guest, const health::summary& own, const node_name& self, const node_name& home,
                   const std::vector<node_name>& nodes, const lease_watch& leases, const std::string& digest,
                   time_point now) {
    int voters = 1;
    std::string downs = own_vote(own) == ballot::down ? self.str() : "";
    int down = own_vote(own) == ballot::down ? 1 : 0;
    std::string others;
    bool is_up_at_home = home == self && own_vote(own) == ballot::up;
    for (const node_name& n : nodes) {
        if (n == self) continue;
        const auto vote = vote_of(n, guest, leases, digest, now);
        if (!vote) continue;
        ++voters;
        if (*vote == ballot::down) {
            ++down;
            downs += (downs.empty() ? "" : ", ") + n.str();
        } else {
            others += (others.empty() ? "" : ", ") + n.str();
            is_up_at_home = is_up_at_home || (n == home && *vote == ballot::up);
        }
    }
    opinion out;
    out.all = own;
    if (voters == 1) return out;
    if (2 * down > voters) {
        out.all.now = health::standing::down;
        out.all.reason = fmt::format("{} find it down: {}", downs, own.reason);
        if (is_up_at_home)
            out.path_problem =
                fmt::format("{} find {} down, but on its own node {} it answers", downs, to_string(guest), home.str());
        return out;
    }
    if (own.now == health::standing::down) {
        out.all.now = health::standing::suspicious;
        out.all.reason = fmt::format("only {} find it down, {} do not: {}", downs, others, own.reason);
    }
    return out;
}

bool is_seen_alive(guest_id guest, const node_name& self, const node_name& home, const std::vector<node_name>& nodes,
                   const lease_watch& leases, const std::string& digest, time_point now) {
    return std::any_of(nodes.begin(), nodes.end(), [&](const node_name& n) {
        return n != self && n != home && vote_of(n, guest, leases, digest, now) == ballot::up;
    });
}

}  // namespace steward::lease
