#include "sim/scenario/left_records.hpp"

#include "core/failover/machine.hpp"
#include "core/failover/pauses.hpp"
#include "core/failover/record.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <sstream>

namespace steward::sim::scenario {

namespace {

fault not_known(const std::string& value) {
    return fault(errc::invalid, "record", fmt::format("\"{}\" is no record that this version knows", value));
}

/// A hand-over that was cut off there.
failover::record cut_off(const guest_options& guest, const options& cluster, failover::phase at, std::uint64_t epoch,
                         wall_time now) {
    failover::record r;
    r.guest = guest.guest;
    r.sequence = 5;
    r.epoch = epoch;
    r.at = at;
    r.since = now;
    r.reason = "an earlier leader was here";
    r.seen_up = true;
    r.claim = 2;
    failover::plan p;
    p.source = guest.node;
    p.is_source_gone = true;
    for (const node_name& n : cluster.nodes)
        if (n != guest.node) p.targets.push_back(n);
    p.storage = guest.storage;
    r.target = p.targets.empty() ? guest.node : p.targets.front();
    r.chosen = std::move(p);
    return r;
}

std::vector<left_record> about_guest(const guest_options& guest, const options& cluster, failover::phase at,
                                     std::uint64_t epoch, wall_time now) {
    const failover::record r = cut_off(guest, cluster, at, epoch, now);
    std::vector<left_record> all{{"records/" + failover::record_name(r.guest), failover::to_json(r)}};
    for (std::uint64_t e = 1; e <= epoch; ++e) all.push_back({fmt::format("epoch/{}", e), ""});
    return all;
}

std::vector<left_record> old_maintenance(const std::string& node, wall_time now) {
    failover::pause p;
    p.object = failover::pause_object(node_name(node));
    p.kind = failover::pause_kind::maintenance;
    p.since = now - std::chrono::hours(2);
    p.until = now - std::chrono::hours(1);
    failover::pauses all;
    (void)all.add(std::move(p));
    return {{"records/pauses", failover::to_json(all)}};
}

}  // namespace

result<std::vector<left_record>> left_records(const std::string& value, const options& cluster, wall_time now) {
    const std::size_t colon = value.find(':');
    const std::string object = value.substr(0, colon);
    std::istringstream rest(colon == std::string::npos ? "" : value.substr(colon + 1));
    std::string what;
    rest >> what;
    const bool is_node =
        std::any_of(cluster.nodes.begin(), cluster.nodes.end(), [&](const node_name& n) { return n.str() == object; });
    if (is_node && what == "maintenance") return old_maintenance(object, now);
    if (is_node && what == "fence-requested") {
        const auto first = std::find_if(cluster.guests.begin(), cluster.guests.end(),
                                        [&](const guest_options& g) { return g.node.str() == object; });
        if (first == cluster.guests.end()) return not_known(value);
        return about_guest(*first, cluster, failover::phase::fencing, 1, now);
    }
    const auto id = parse_guest_word(object);
    if (!id) return not_known(value);
    const auto guest = std::find_if(cluster.guests.begin(), cluster.guests.end(),
                                    [&](const guest_options& g) { return g.guest.id == id->id; });
    if (guest == cluster.guests.end()) return not_known(value);
    if (what == "garbage")
        return std::vector<left_record>{{"records/" + failover::record_name(guest->guest), "\x01{garbage"}};
    if (what == "newer") {
        failover::record r = failover::first_state(guest->guest, {}, now).saved;
        std::string text = failover::to_json(r);
        const std::string format = fmt::format("\"format\":{}", int{failover::record::format});
        text.replace(text.find(format), format.size(), fmt::format("\"format\":{}", failover::record::format + 1));
        return std::vector<left_record>{{"records/" + failover::record_name(guest->guest), std::move(text)}};
    }
    if (what == "owner") {
        std::string owner;
        rest >> owner;
        failover::record r;
        r.guest = guest->guest;
        r.sequence = 5;
        r.epoch = 1;
        r.since = now;
        r.reason = "an earlier leader was here";
        r.seen_up = true;
        r.target = node_name(owner);
        if (std::find(cluster.nodes.begin(), cluster.nodes.end(), r.target) == cluster.nodes.end())
            return not_known(value);
        return std::vector<left_record>{{"records/" + failover::record_name(r.guest), failover::to_json(r)},
                                        {"epoch/1", ""}};
    }
    const auto phase = failover::parse_phase(what);
    if (!phase || (*phase != failover::phase::fencing && *phase != failover::phase::failed_parked))
        return not_known(value);
    std::uint64_t epoch = 1;
    for (std::string word; rest >> word;)
        if (word == "epoch") rest >> epoch;
    if (epoch == 0 || epoch > 1000) return not_known(value);
    return about_guest(*guest, cluster, *phase, epoch, now);
}

}  // namespace steward::sim::scenario
