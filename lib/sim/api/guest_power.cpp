#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"

#include <fmt/core.h>

/// Starting and stopping guests: what fails at once and what fails in the task (pve-facts F.3).
namespace steward::sim::api {

using namespace std::chrono_literals;

namespace {

reply not_running(guest_id g) { return error(500, fmt::format("CT {} not running", g.id.number())); }

reply start(call& c, guest_id g) {
    if (auto refused = refuse_skiplock(c)) return *refused;
    if (g.type == guest_type::ct && c.model.is_running(c.node, g))
        return error(500, fmt::format("CT {} already running", g.id.number()));
    if (auto refused = refuse_without_quorum(c)) return *refused;
    if (is_ha_managed(c, g)) return task_reply(request_ha_start(c, g));
    return task_reply(c.model.begin_start(c.node, g, c.who.name()));
}

/// overrule-shutdown=1 first ends the shutdowns that are under way.
void overrule_shutdowns(call& c, guest_id g) {
    std::vector<std::string> running;
    for (const auto& [upid, t] : c.model.tasks())
        if (t.running() && t.node == c.node && t.work.id == to_string(g.id) && t.work.type.ends_with("shutdown"))
            running.push_back(upid);
    for (const std::string& upid : running) c.model.stop_task(upid);
}

reply stop(call& c, guest_id g) {
    if (auto refused = refuse_skiplock(c)) return *refused;
    if (g.type == guest_type::ct && !c.model.is_running(c.node, g)) return not_running(g);
    if (is_ha_managed(c, g)) {
        if (c.flag("overrule-shutdown"))
            return parameter_error({{"overrule-shutdown", "Not applicable for HA resources."}});
        return task_reply(request_ha_stop(c, g, 0s));
    }
    if (c.flag("overrule-shutdown")) overrule_shutdowns(c, g);
    return task_reply(c.model.begin_stop(c.node, g, c.who.name()));
}

/// The startup order's `down`, else a minute.
std::int64_t patience(const call& c, guest_id g) {
    const auto config = c.model.config(c.node, g);
    const std::string down = config ? property_list(config->get("startup")).get("down") : std::string();
    return g.type == guest_type::ct || down.empty() ? 60 : std::strtoll(down.c_str(), nullptr, 10);
}

reply shutdown(call& c, guest_id g) {
    if (auto refused = refuse_skiplock(c)) return *refused;
    const instance* i = c.model.find_instance(c.node, g);
    if (g.type == guest_type::ct && i == nullptr) return not_running(g);
    const duration limit = std::chrono::seconds(c.number("timeout", patience(c, g)));
    if (g.type == guest_type::vm && i != nullptr && i->paused && !c.flag("forceStop"))
        return error(500, "VM is paused - cannot shutdown");
    if (is_ha_managed(c, g)) return task_reply(request_ha_stop(c, g, limit));
    return task_reply(c.model.begin_shutdown(c.node, g, c.who.name(), limit, c.flag("forceStop")));
}

reply reboot(call& c, guest_id g) {
    if (!c.model.is_running(c.node, g))
        return error(500, fmt::format("VM {} not running", g.id.number()));  // sic, for CTs too
    return task_reply(c.model.begin_reboot(c.node, g, c.who.name()));
}

/// A worker that looks whether the guest is there, not locked and running, and then does one thing.
task_work running_work(call& c, guest_id g, const char* verb, std::function<void(cluster&, instance&)> what) {
    task_work w = guest_work(verb, g, 200ms);
    cluster* model = &c.model;
    w.begin = [model, node = c.node, g](const std::string&) -> std::string {
        const auto config = model->config(node, g);
        if (!config) return missing_config_text(node, g);
        if (const std::string locked = locked_text(g.type, *config); !locked.empty()) return locked;
        return model->is_running(node, g) ? "" : fmt::format("{} {} not running", guest_label(g.type), g.id.number());
    };
    w.finish = [model, node = c.node, g, what](const std::string&) -> std::string {
        if (instance* i = model->find_instance(node, g)) what(*model, *i);
        if (model->on_change) model->on_change();
        return "OK";
    };
    return w;
}

reply begin(call& c, task_work w) { return task_reply(c.model.start_task(c.node, c.who.name(), std::move(w))); }

/// Memory and state go to a volume; the VM stops with lock `suspended`, and its next start goes on from there.
reply suspend_to_disk(call& c, guest_id g) {
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    const std::string boot = boot_disk(*config);
    std::string where = c.get("statestorage");
    if (where.empty()) where = boot.empty() ? "local" : storage_of(volume_of(config->get(boot))).str();
    if (!c.may("/storage/" + where, "Datastore.AllocateSpace"))
        return forbidden("/storage/" + where, "Datastore.AllocateSpace");
    cluster* model = &c.model;
    task_work w = running_work(c, g, "suspend", nullptr);
    w.takes = 2s;
    w.finish = [model, node = c.node, g, where](const std::string&) -> std::string {
        auto file = read_guest(*model, node, g);
        if (!file) return missing_config_text(node, g);
        const std::uint64_t memory = std::strtoull(file->now.get("memory").c_str(), nullptr, 10) << 20U;
        const auto state = model->allocate(storage_id(where), node, g, 2 * memory + (1U << 29U), "raw");
        if (!state) return state.error().detail;
        file->now.set("vmstate", state->str());
        file->now.set("runningmachine", model->configured().qemu.machine);
        file->now.set("lock", "suspended");
        if (std::string why = write_guest(*model, node, *file, g); !why.empty()) {
            model->release(*state, node);
            return why;
        }
        model->halt(node, g);
        return "OK";
    };
    return begin(c, std::move(w));
}

reply suspend(call& c, guest_id g) {
    if (auto refused = refuse_skiplock(c)) return *refused;
    if (g.type == guest_type::ct && !c.model.is_running(c.node, g)) return not_running(g);
    if (g.type == guest_type::vm && !c.model.is_running(c.node, g))
        return error(500, fmt::format("VM {} not running", g.id.number()));
    if (g.type == guest_type::vm && c.flag("todisk")) return suspend_to_disk(c, g);
    return begin(c, running_work(c, g, g.type == guest_type::ct ? "suspend" : "pause",
                                 [](cluster&, instance& i) { i.paused = true; }));
}

reply resume(call& c, guest_id g) {
    if (auto refused = refuse_skiplock(c)) return *refused;
    const auto config = c.model.config(c.node, g);
    if (config && g.type == guest_type::vm && config->get("lock") == "suspended") {
        if (auto refused = refuse_without_quorum(c)) return *refused;
        return task_reply(c.model.begin_start(c.node, g, c.who.name()));
    }
    if (!c.model.is_running(c.node, g))
        return g.type == guest_type::ct ? not_running(g) : error(500, fmt::format("VM {} not running", g.id.number()));
    return begin(c, running_work(c, g, "resume", [](cluster&, instance& i) { i.paused = false; }));
}

/// The machine goes on in the same process; what runs in it begins anew.
reply reset(call& c, guest_id g) {
    if (auto refused = refuse_skiplock(c)) return *refused;
    if (!c.model.is_running(c.node, g)) return error(500, fmt::format("VM {} not running", g.id.number()));
    return begin(c, running_work(c, g, "reset", [](cluster& model, instance& i) {
                     const auto pid = i.pid;
                     const auto since = i.started;
                     const bool paused = i.paused;
                     const node_name node = i.node;
                     const guest_id guest = i.guest;
                     model.run(node, guest);
                     instance* again = model.find_instance(node, guest);
                     again->pid = pid;
                     again->started = since;
                     again->paused = paused;
                 }));
}

std::optional<reply> refuse_destruction(const call& c, guest_id g, const guest_config& config) {
    const auto id = g.id.number();
    if (config.get("protection") == "1")
        return error(500, fmt::format("can't remove {} {} - protection mode enabled", guest_label(g.type), id));
    if (is_ha_managed(c, g) && !c.flag("purge"))
        return error(500, fmt::format("unable to remove {} {} - used in HA resources and purge parameter not set.",
                                      guest_label(g.type), id));
    if (g.type == guest_type::ct)
        if (auto refused = refuse_locked(g.type, config)) return refused;
    if (!c.model.is_running(c.node, g) || (g.type == guest_type::ct && c.flag("force"))) return std::nullopt;
    return error(500, g.type == guest_type::ct ? fmt::format("unable to destroy CT {} - container is running", id)
                                               : fmt::format("VM {} is running - destroy failed", id));
}

/// Of a template whose disks are the base of linked clones nothing may go.
std::optional<reply> refuse_base(const call& c, guest_id g, const guest_config& config) {
    if (config.get("template") != "1") return std::nullopt;
    for (const auto& [key, id] : config.volumes()) {
        const std::string base = id.str().substr(id.str().find(':') + 1) + "/";
        for (const auto& p : c.files().guests()) {
            if (p.guest.id == g.id) continue;
            const auto other = c.model.config(p.node, p.guest);
            if (!other) continue;
            for (const auto& [name, volume] : other->volumes())
                if (volume.str().find(":" + base) != std::string::npos)
                    return error(500, fmt::format("base volume '{}' is still in use by linked cloned", id.str()));
        }
    }
    return std::nullopt;
}

reply destroy(call& c, guest_id g) {
    if (auto refused = refuse_skiplock(c)) return *refused;
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    if (auto refused = refuse_destruction(c, g, *config)) return *refused;
    if (auto refused = refuse_base(c, g, *config)) return *refused;
    if (c.flag("purge")) remove_from_ha(c, g);
    return task_reply(c.model.begin_destroy(c.node, g, c.who.name()));
}

}  // namespace

void add_power_routes(std::vector<route>& routes) {
    add_both<start>(routes, "POST", "/status/start");
    add_both<stop>(routes, "POST", "/status/stop");
    add_both<shutdown>(routes, "POST", "/status/shutdown");
    add_both<reboot>(routes, "POST", "/status/reboot");
    add_both<suspend>(routes, "POST", "/status/suspend");
    add_both<resume>(routes, "POST", "/status/resume");
    add_vm<reset>(routes, "POST", "/status/reset");
    add_both<destroy>(routes, "DELETE", "");
}

}  // namespace steward::sim::api
