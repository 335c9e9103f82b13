#include "sim/api/call.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

using namespace std::chrono_literals;

namespace {

constexpr duration cluster_lock_patience = 9s;  // recorded: lck-01 to lck-03, nq-04
constexpr duration guest_lock_patience = 10s;   // pve-facts E.6
constexpr duration look_again = 500ms;

std::optional<reply> come_again_before(const call& c, time_point end) {
    if (c.model.now() >= end) return std::nullopt;
    return wait(std::min(look_again, end - c.model.now()));
}

}  // namespace

std::optional<reply> await_cluster_lock(const call& c, const std::string& name, const std::string& prefix) {
    if (c.model.is_blocked(c.at)) return wait(look_again);
    const bool quorate = c.model.is_quorate(c.at);
    if (quorate && !c.model.is_cluster_lock_held(name)) return std::nullopt;
    if (auto again = come_again_before(c, c.arrived + cluster_lock_patience)) return again;
    return error(500, fmt::format("{}cfs-lock '{}' error: {}", prefix, name,
                                  quorate ? "got lock request timeout" : "no quorum!"));
}

std::optional<reply> await_guest_lock(const call& c, guest_id guest) {
    if (!c.model.is_lock_held(c.at, guest_lock_name(guest))) return std::nullopt;
    if (auto again = come_again_before(c, c.arrived + guest_lock_patience)) return again;
    return error(500, fmt::format("can't lock file '{}' - got timeout", guest_lock_path(guest)));
}

std::optional<reply> await_write(const call& c, const std::string& path) {
    if (c.model.is_blocked(c.at)) return wait(look_again);
    if (c.model.is_quorate(c.at)) return std::nullopt;
    return error(500, fmt::format("unable to open file '/etc/pve/{}.tmp.1234' - Permission denied", path));
}

}  // namespace steward::sim::api
