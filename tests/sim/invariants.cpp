#include "sim/invariants.hpp"

#include "sim/api/api.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <fmt/core.h>
#include <set>

namespace steward::sim {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// Read from the files themselves: the model's own index may be what is wrong.
std::string each_vmid_once(const cluster& model) {
    std::map<std::string, std::string> owner;
    for (const sim_node& n : model.nodes())
        for (const char* kind : {"lxc", "qemu-server"}) {
            const std::string folder = fmt::format("nodes/{}/{}", n.name.str(), kind);
            for (const std::string& name : model.files().tree().list(folder)) {
                const auto [first, is_new] = owner.emplace(name, folder);
                if (!is_new) return fmt::format("{} is in {} and in {}", name, first->second, folder);
                const auto id = parse_vmid(std::string_view(name).substr(0, name.find('.')));
                const auto place = id ? model.files().find(*id) : std::nullopt;
                if (!place || place->node != n.name) return fmt::format("the model does not find {}/{}", folder, name);
            }
        }
    if (owner.size() != model.files().guests().size()) return "the model knows guests that have no file";
    return {};
}

void collect_volumes(const std::string& text, std::set<std::string>& into) {
    // Snapshots name volumes too: every section counts.
    for (const auto& [key, id] : guest_config::parse(text).volumes()) into.insert(id.str());
    for (std::size_t at = text.find("\n["); at != std::string::npos; at = text.find("\n[", at + 2)) {
        const std::size_t line = text.find('\n', at + 1);
        if (line != std::string::npos)
            for (const auto& [key, id] : guest_config::parse(text.substr(line + 1)).volumes()) into.insert(id.str());
    }
}

bool has_worker(const cluster& model, vmid id) {
    for (const auto& [upid, t] : model.tasks())
        if (t.running() && (t.work.id == to_string(id) || t.work.type == "qmclone" || t.work.type == "vzclone"))
            return true;
    return false;
}

/// A disk belongs to a configuration, to a parked one, to a worker that is making or moving it, or is marked as left
/// behind.
std::string no_disk_without_owner(cluster& model) {
    std::set<std::string> named;
    for (const auto& [id, e] : model.files().entries()) collect_volumes(e.text, named);
    for (const std::string& name : model.files().tree().list("priv/steward/parked"))
        collect_volumes(model.files().tree().read("priv/steward/parked/" + name).value_or(""), named);
    for (const auto& [key, held] : model.all_volumes())
        for (const auto& [id, v] : held)
            if (named.count(id.str()) == 0 && !v.orphan && !has_worker(model, v.owner.id))
                return fmt::format("{} on {} belongs to nobody", id.str(), key.second.str());
    return {};
}

std::string nothing_runs_on_the_dead(const cluster& model) {
    for (const auto& [key, i] : model.instances())
        if (!model.find_node(i.node)->powered)
            return fmt::format("{} runs on {}, which is off", to_string(i.guest), i.node.str());
    for (const auto& [upid, t] : model.tasks())
        if (t.running() && !model.find_node(t.node)->powered) return upid + " runs on a node that is off";
    return {};
}

json::value resources(cluster& model, const node_name& seen_from) {
    api::request what(seen_from, "GET", "/cluster/resources");
    what.who.authorization = "PVEAPIToken=root@pam!full=11111111-1111-4111-8111-111111111111";
    return json::parse(api::handle(model, what).body).at("data");
}

}  // namespace

std::string invariants::broken(cluster& model) {
    if (std::string why = each_vmid_once(model); !why.empty()) return why;
    if (std::string why = no_disk_without_owner(model); !why.empty()) return why;
    if (std::string why = nothing_runs_on_the_dead(model); !why.empty()) return why;
    for (const sim_node& n : model.nodes()) {
        if (n.powered)
            died_.erase(n.name);
        else
            died_.try_emplace(n.name, model.now());
    }
    // What a living node tells of a dead one's guests is at most 300 s old.
    for (const sim_node& n : model.nodes()) {
        if (!n.powered || n.pmxcfs != service::up || n.pveproxy != service::up || n.pvedaemon != service::up) continue;
        const json::value told = resources(model, n.name);
        for (const json::value& row : told.as_array()) {
            const json::object& o = row.as_object();
            if (!o.contains("vmid") || o.at("status") != "running") continue;
            const auto dead = died_.find(node_name(std::string(o.at("node").as_string())));
            if (dead != died_.end() && model.now() - dead->second > 301s)
                return fmt::format("{} says that {} runs on a node that died {} s ago", n.name.str(),
                                   std::string(o.at("id").as_string()), (model.now() - dead->second) / 1s);
        }
    }
    return {};
}

}  // namespace steward::sim
