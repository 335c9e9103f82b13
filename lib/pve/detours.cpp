#include "pve/detours.hpp"

#include "pve/http_meaning.hpp"

#include <algorithm>

namespace steward::pve {

std::string detours::node_of(std::string_view path) {
    constexpr std::string_view nodes = "/nodes/";
    if (!path.starts_with(nodes)) return {};
    path.remove_prefix(nodes.size());
    return std::string(path.substr(0, path.find('/')));
}

bool detours::may_repeat(int status, bool is_repeatable) {
    return is_about_node(status) && (is_repeatable || status == 595);
}

void detours::note(std::size_t endpoint, const std::string& node, bool is_open, time_point now) {
    if (node.empty()) return;
    if (is_open)
        closed_until_.erase({endpoint, node});
    else
        closed_until_[{endpoint, node}] = now + kept;
}

bool detours::is_closed(std::size_t endpoint, const std::string& node, time_point now) const {
    const auto known = closed_until_.find({endpoint, node});
    return known != closed_until_.end() && known->second > now;
}

std::vector<std::size_t> detours::sorted(std::vector<std::size_t> order, const std::string& node,
                                         time_point now) const {
    std::stable_partition(order.begin(), order.end(), [&](std::size_t at) { return !is_closed(at, node, now); });
    return order;
}

}  // namespace steward::pve
