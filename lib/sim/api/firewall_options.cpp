#include "sim/model/firewall_options.hpp"

#include "sim/api/firewall.hpp"
#include "sim/model/firewall_macros.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/core.h>

namespace steward::sim::api {

namespace {

reply list(call& c, const firewall_place& in) {
    if (auto refused = check_vnet(c, in.scope, {"SDN.Allocate", "SDN.Audit"})) return *refused;
    const std::map<std::string, std::string> options = in.options();
    boost::json::object data;
    for (const auto& [option, value] : options) {
        if (is_firewall_number(option))
            data[option] = number_or_text(value);
        else
            data[option] = value;
    }
    data["digest"] = firewall_digest({options});
    return ok(std::move(data));
}

/// The value to write. In the cluster's file an `enable` above 1 means: try it for a minute, from now on.
std::string value_of(const call& c, const firewall_place& in, const std::string& option) {
    if (option == "enable" && in.scope == firewall_scope::cluster && c.number(option, 0) > 1)
        return std::to_string(c.model.wall_now().time_since_epoch().count());
    return c.get(option);
}

reply change(call& c, const firewall_place& in) {
    if (auto refused = check_vnet(c, in.scope, {"SDN.Allocate"})) return *refused;
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    if (auto changed = check_digest(c, {file.options})) return *changed;
    const std::set<std::string>& known = firewall_options(in.scope);
    for (const std::string& option : split_list(c.get("delete"))) {
        if (known.count(option) == 0) return parameter_error({{"delete", fmt::format("no such option '{}'", option)}});
        file.options.erase(option);
    }
    for (const std::string& option : known)
        if (c.has(option)) file.options[option] = value_of(c, in, option);
    in.write(file);
    return ok(nullptr);
}

reply macros(call&) {
    boost::json::array rows;
    for (const firewall_macro& m : firewall_macros())
        rows.push_back(boost::json::object{{"macro", m.name}, {"descr", m.description}});
    return ok(std::move(rows));
}

/// The packets that rules logged. Nothing is sent through these networks, so there is only what the logger itself says
/// when the node starts; a list without lines has one that says so.
reply log(call& c, bool is_of_guest) {
    std::vector<std::string> lines;
    const std::time_t since = c.model.wall_at(c.model.find_node(c.at)->booted).time_since_epoch().count();
    const bool is_in_range = c.number("since", 0) <= since && since <= c.number("until", since);
    if (!is_of_guest && is_in_range)
        lines.push_back(fmt::format("0 5 - {:%d/%b/%Y:%H:%M:%S} +0000 starting pvefw logger", fmt::gmtime(since)));
    if (lines.empty()) lines.emplace_back("no content");
    const auto start = static_cast<std::size_t>(c.number("start", 0));
    const auto limit = static_cast<std::size_t>(c.number("limit", 50));
    boost::json::array rows;
    for (std::size_t i = start; i < lines.size() && rows.size() < limit; ++i)
        rows.push_back(boost::json::object{{"n", i + 1}, {"t", lines[i]}});
    return ok(std::move(rows), lines.size());
}

reply log_of_node(call& c) { return log(c, false); }
reply log_of_guest(call& c) { return log(c, true); }

template <firewall_scope Scope>
void add_routes(std::vector<route>& to, const char* path) {
    to.push_back({"GET", path, in_firewall<list, Scope>});
    to.push_back({"PUT", path, in_firewall<change, Scope>});
}

}  // namespace

const std::vector<route>& firewall_option_routes() {
    static const std::vector<route> all = [] {
        std::vector<route> routes = {
            {"GET", "/cluster/firewall/macros", macros},
            {"GET", "/nodes/{node}/firewall/log", log_of_node},
            {"GET", "/nodes/{node}/lxc/{vmid}/firewall/log", log_of_guest},
            {"GET", "/nodes/{node}/qemu/{vmid}/firewall/log", log_of_guest},
        };
        add_routes<firewall_scope::cluster>(routes, "/cluster/firewall/options");
        add_routes<firewall_scope::node>(routes, "/nodes/{node}/firewall/options");
        add_routes<firewall_scope::ct>(routes, "/nodes/{node}/lxc/{vmid}/firewall/options");
        add_routes<firewall_scope::vm>(routes, "/nodes/{node}/qemu/{vmid}/firewall/options");
        add_routes<firewall_scope::vnet>(routes, "/cluster/sdn/vnets/{vnet}/firewall/options");
        return routes;
    }();
    return all;
}

}  // namespace steward::sim::api
