#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <cmath>

/// Measurements of the past: made up out of the vmid and the time, so that the same question has the same answer.
namespace steward::sim::api {

namespace json = boost::json;

namespace {

std::int64_t step_of(const std::string& timeframe) {
    if (timeframe == "day") return 1800;
    if (timeframe == "week") return 10800;
    if (timeframe == "month") return 43200;
    if (timeframe == "year") return 604800;
    return 60;
}

/// A day's course between 0 and 1.
double course(std::int64_t at, std::uint32_t vmid) {
    return 0.5 + 0.4 * std::sin(static_cast<double>(at) * 2 * 3.14159265358979 / 86400 + vmid);
}

reply rrd_data(call& c, guest_id g) {
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    const std::int64_t step = step_of(c.get("timeframe"));
    const std::int64_t end = c.model.wall_now().time_since_epoch().count() / step * step;
    const instance* i = c.model.find_instance(c.node, g);
    const std::int64_t up_since = i == nullptr ? end + 1 : c.model.wall_at(i->started).time_since_epoch().count();
    const std::uint64_t memory = std::strtoull(config->get("memory").c_str(), nullptr, 10) << 20U;
    const std::string boot = g.type == guest_type::ct ? "rootfs" : boot_disk(*config);
    const std::uint64_t disk = disk_size(config->get(boot));
    const std::string cores = config->get("cores");
    json::array rows;
    for (std::int64_t at = end - 69 * step; at <= end; at += step) {
        json::object row{{"time", at}};
        if (at >= up_since) {
            const double load = course(at, g.id.number());
            row["maxcpu"] = cores.empty() ? 1 : std::strtoll(cores.c_str(), nullptr, 10);
            row["cpu"] = load / 20;
            row["maxmem"] = memory;
            row["mem"] = static_cast<double>(memory) * (0.1 + load / 10);
            row["maxdisk"] = disk;
            row["disk"] = g.type == guest_type::ct ? disk / 8 : 0;
            for (const char* key : {"netin", "netout", "diskread", "diskwrite"}) row[key] = load * 100;
        }
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

}  // namespace

void add_rrd_routes(std::vector<route>& routes) { add_both<rrd_data>(routes, "GET", "/rrddata"); }

}  // namespace steward::sim::api
