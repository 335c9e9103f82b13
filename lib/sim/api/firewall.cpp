#include "sim/api/firewall.hpp"

#include "sim/model/firewall_options.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <set>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* cluster_path = "firewall/cluster.fw";

/// The zone of a network in sdn/vnets.cfg.
std::optional<std::string> zone_of(const call& c, const std::string& vnet) {
    const std::string text = c.files().tree().read("sdn/vnets.cfg").value_or("");
    const std::string head = "vnet: " + vnet + "\n";
    std::size_t at = text.starts_with(head) ? 0 : text.find("\n" + head);
    if (at == std::string::npos) return std::nullopt;
    at = text.find(head, at) + head.size();
    const std::size_t end = std::min(text.find("\nvnet: ", at), text.size());
    const std::size_t zone = text.find("\tzone ", at);
    if (zone == std::string::npos || zone > end) return std::string();
    const std::size_t value = zone + 6;
    return std::string(trimmed(text.substr(value, text.find('\n', value) - value)));
}

}  // namespace

firewall_place::firewall_place(call& c, firewall_scope of) : scope(of), call_(&c) {
    switch (of) {
        case firewall_scope::cluster:
        case firewall_scope::group:
            path = cluster_path;
            lock = "firewall-cluster";
            break;
        case firewall_scope::node:
            path = fmt::format("nodes/{}/host.fw", c.at.str());
            lock = "firewall-host-" + c.at.str();
            break;
        case firewall_scope::ct:
        case firewall_scope::vm:
            path = fmt::format("firewall/{}.fw", c.path.at("vmid"));
            lock = "firewall-vm-" + c.path.at("vmid");
            break;
        case firewall_scope::vnet:
            path = fmt::format("sdn/firewall/{}.fw", c.path.at("vnet"));
            lock = "firewall-vnet-" + c.path.at("vnet");
            break;
    }
}

std::shared_ptr<const firewall_file> firewall_place::cluster() const {
    if (path == cluster_path) return nullptr;
    return call_->model.firewalls().read(call_->files().tree(), cluster_path, firewall_scope::cluster);
}

std::shared_ptr<const firewall_file> firewall_place::read() const {
    if (path == cluster_path)
        return call_->model.firewalls().read(call_->files().tree(), path, firewall_scope::cluster);
    return call_->model.firewalls().read(call_->files().tree(), path, scope, cluster());
}

std::map<std::string, std::string> firewall_place::options() const {
    std::map<std::string, std::string> all = read()->options;
    if (path != cluster_path) return all;
    if (const auto enable = all.find("enable"); enable != all.end())
        enable->second = enabled_at(enable->second, call_->model.wall_now());
    return all;
}

firewall_file firewall_place::edit() const {
    firewall_file file = *read();
    file.options = options();
    return file;
}

void firewall_place::write(const firewall_file& changed) const {
    file_tree& tree = call_->model.files().tree();
    if (const std::string text = changed.text(); !text.empty())
        tree.write(path, text);
    else
        tree.remove(path);
}

std::shared_ptr<const firewall_file> firewall_place::other(const std::string& at, firewall_scope of) const {
    const auto names = call_->model.firewalls().read(call_->files().tree(), cluster_path, firewall_scope::cluster);
    return call_->model.firewalls().read(call_->files().tree(), at, of, names);
}

std::optional<reply> firewall_place::await() const { return await_cluster_lock(*call_, lock); }

json::object firewall_json(const std::map<std::string, std::string>& row) {
    static const std::set<std::string> numbers = {"enable", "ipversion", "nomatch"};
    json::object out;
    for (const auto& [key, value] : row) {
        if (numbers.count(key) != 0)
            out[key] = number_or_text(value);
        else
            out[key] = value;
    }
    return out;
}

json::array with_digest(const firewall_rows& rows) {
    const std::string digest = firewall_digest(rows);
    json::array out;
    out.reserve(rows.size());
    for (const auto& row : rows) {
        json::object each = firewall_json(row);
        each["digest"] = digest;
        out.push_back(std::move(each));
    }
    return out;
}

std::optional<reply> check_digest(const call& c, const firewall_rows& rows) {
    const std::string given = c.get("digest");
    if (!is_perl_true(given) || given == firewall_digest(rows)) return std::nullopt;
    return error(500, "detected modified configuration - file changed by other user? Try again.");
}

std::optional<reply> check_vnet(const call& c, firewall_scope of, const std::vector<std::string>& privileges) {
    if (of != firewall_scope::vnet) return std::nullopt;
    const std::string& vnet = c.path.at("vnet");
    const auto zone = zone_of(c, vnet);
    if (!zone) return error(500, "invalid vnet specified at /usr/share/perl5/PVE/API2/Firewall/Helpers.pm line 53.");
    const std::string path = fmt::format("/sdn/zones/{}/{}", *zone, vnet);
    std::string wanted;
    for (const std::string& privilege : privileges) {
        if (c.may(path, privilege)) return std::nullopt;
        wanted += (wanted.empty() ? "" : "|") + privilege;
    }
    return forbidden(path, wanted);
}

const std::vector<route>& firewall_routes() {
    static const std::vector<route> all = [] {
        std::vector<route> routes;
        for (const auto* part : {&firewall_group_routes(), &firewall_set_routes(), &firewall_alias_routes(),
                                 &firewall_rule_routes(), &firewall_option_routes()})
            routes.insert(routes.end(), part->begin(), part->end());
        return routes;
    }();
    return all;
}

}  // namespace steward::sim::api
