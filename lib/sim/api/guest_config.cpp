#include "base/sha1.hpp"
#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"
#include "sim/model/guest_pending.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <set>

/// Reading and changing configurations (pve-facts F.4).
namespace steward::sim::api {

namespace json = boost::json;

namespace {

void add_values(const call& c, guest_type type, const guest_config& config, json::object& data) {
    json::array raw;
    for (const auto& [key, value] : config.values) {
        if (key.starts_with("lxc."))
            raw.push_back(json::array{key, value});
        else if (key != "delete")
            data[key] = typed_option(c.model.version(), type, key, value);
    }
    if (!raw.empty()) data["lxc"] = std::move(raw);
    if (!config.description.empty()) data["description"] = decoded_description(config.description);
}

reply get_config(call& c, guest_id g) {
    const auto text = c.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    const guest_file file = guest_file::parse(g.type, *text);
    json::object data;
    if (const std::string name = c.get("snapshot"); !name.empty()) {
        const auto found = file.snapshots.find(name);
        if (found == file.snapshots.end()) return error(500, fmt::format("snapshot '{}' does not exist", name));
        add_values(c, g.type, found->second, data);
        return ok(std::move(data));
    }
    add_values(c, g.type, file.now, data);
    if (!c.flag("current")) {
        add_values(c, g.type, file.pending, data);
        for (const std::string& gone : split_list(file.pending.get("delete"))) data.erase(gone);
    }
    data["digest"] = sha1_hex(*text);
    return ok(std::move(data));
}

reply get_pending(call& c, guest_id g) {
    const auto text = c.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    const guest_file file = guest_file::parse(g.type, *text);
    json::object now;
    json::object then;
    add_values(c, g.type, file.now, now);
    add_values(c, g.type, file.pending, then);
    const auto gone = split_list(file.pending.get("delete"));
    json::array rows;
    for (const auto& [key, value] : now) {
        json::object row{{"key", key}, {"value", value}};
        if (then.contains(key)) row["pending"] = then.at(key);
        if (std::find(gone.begin(), gone.end(), std::string(key)) != gone.end()) row["delete"] = 1;
        rows.push_back(std::move(row));
    }
    for (const auto& [key, value] : then)
        if (!now.contains(key)) rows.push_back(json::object{{"key", key}, {"pending", value}});
    rows.push_back(json::object{{"key", "digest"}, {"value", sha1_hex(*text)}});
    return ok(std::move(rows));
}

/// What a call wants changed.
class changes {
  public:
    std::map<std::string, std::string> set;
    std::vector<std::string> removed;
    std::vector<std::string> reverted;
    [[nodiscard]] bool empty() const { return set.empty() && removed.empty() && reverted.empty(); }
};

changes wanted_changes(const call& c) {
    static const std::set<std::string> not_options = {
        "digest", "delete", "revert", "skiplock", "background_delay", "force", "import-working-storage"};
    changes all;
    all.removed = split_list(c.get("delete"));
    all.reverted = split_list(c.get("revert"));
    for (const auto& [key, value] : c.params)
        if (not_options.count(key) == 0) all.set[key] = key == "tags" ? normalised_tags(value) : value;
    return all;
}

/// What root@pam keeps to himself.
std::optional<reply> refuse_root_options(const call& c, guest_id g, const changes& wanted) {
    static const std::set<std::string> of_root = {"args", "hookscript", "lock", "hostpci", "parallel", "dev"};
    if (is_root_himself(c)) return std::nullopt;
    for (const auto& [key, value] : wanted.set)
        if (of_root.count(option_stem(key)) != 0)
            return error(500, g.type == guest_type::ct ? fmt::format("changing '{}' is only allowed for root@pam", key)
                                                       : fmt::format("only root can set '{}' config", key));
    return std::nullopt;
}

void revert(guest_file& file, const std::vector<std::string>& keys) {
    std::string kept;
    for (const std::string& gone : split_list(file.pending.get("delete")))
        if (std::find(keys.begin(), keys.end(), gone) == keys.end()) kept += (kept.empty() ? "" : ",") + gone;
    file.pending.set("delete", kept);
    for (const std::string& key : keys) {
        const std::string waiting = key == "delete" ? "" : file.pending.get(key);
        if (waiting.empty()) continue;
        file.pending.set(key, "");
        if (is_drive_option(key)) keep_as_unused(file.now, waiting);
    }
}

/// Puts the change where it belongs: into force when the guest takes it, else to what waits.
void place(call& c, guest_id g, guest_file& file, const std::string& key, const std::string* value) {
    const bool waits = c.model.is_running(c.node, g) && !is_hotpluggable(g.type, file.now, key);
    revert(file, {key});
    if (waits && value != nullptr) {
        if (file.now.get(key) != *value) file.pending.set(key, *value);
    } else if (waits) {
        if (file.now.get(key).empty()) return;
        const std::string before = file.pending.get("delete");
        file.pending.set("delete", before.empty() ? key : before + "," + key);
    } else if (value != nullptr) {
        set_option(file.now, key, *value);
    } else {
        delete_option(c.model, c.node, g, file.now, key);
    }
}

/// The values as PVE writes them, new volumes allocated; PVE's sentence when that is not possible.
std::string settle_values(call& c, guest_id g, changes& wanted, made_volumes& made) {
    for (auto& [key, value] : wanted.set) {
        if (is_net_option(key)) value = canonical_net(c.model, g.type, value);
        if (!is_drive_option(key)) continue;
        auto drive = canonical_drive(c.model, c.node, g, key, value, made);
        if (!drive) {
            release_all(c.model, c.node, made);
            return drive.error().detail;
        }
        value = *drive;
    }
    return {};
}

/// An option without a value is one that goes away.
void drop_empty(changes& wanted) {
    for (auto at = wanted.set.begin(); at != wanted.set.end();) {
        if (!at->second.empty()) {
            ++at;
            continue;
        }
        wanted.removed.push_back(at->first);
        at = wanted.set.erase(at);
    }
}

/// Everything up to the change itself; a reply when there will be none.
std::optional<reply> refuse_change(call& c, guest_id g, const changes& wanted) {
    if (auto refused = refuse_skiplock(c)) return refused;
    if (wanted.empty()) return error(500, "no options specified");
    if (auto refused = check_changes(c, g, wanted.set, wanted.removed)) return refused;
    if (auto refused = refuse_root_options(c, g, wanted)) return refused;
    for (const std::string& key : wanted.removed)
        if (wanted.set.count(key) != 0)
            return parameter_error(
                {{"delete", fmt::format("you can't use '-{0}' and -delete {0}' at the same time", key)}});
    return std::nullopt;
}

std::optional<reply> refuse_state(const call& c, guest_id g, const std::string& text) {
    if (auto refused = refuse_changed(c, g.type, text)) return refused;
    const guest_config config = guest_config::parse(text);
    if (c.flag("skiplock")) return std::nullopt;
    return refuse_locked(g.type, config);
}

std::string carry_out(call& c, guest_id g, changes wanted) {
    auto file = read_guest(c.model, c.node, g);
    if (!file) return missing_config_text(c.node, g);
    made_volumes made;
    if (std::string why = settle_values(c, g, wanted, made); !why.empty()) return why;
    revert(*file, wanted.reverted);
    for (const std::string& key : wanted.removed) place(c, g, *file, key, nullptr);
    for (const auto& [key, value] : wanted.set) place(c, g, *file, key, &value);
    if (!c.model.is_running(c.node, g)) apply_pending(c.model, c.node, g, *file);
    const std::string why = write_guest(c.model, c.node, *file, g);
    if (!why.empty()) release_all(c.model, c.node, made);
    return why;
}

reply put_config(call& c, guest_id g) {
    changes wanted = wanted_changes(c);
    if (auto refused = refuse_change(c, g, wanted)) return *refused;
    drop_empty(wanted);
    const auto text = c.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    if (auto busy = await_guest_lock(c, g)) return *busy;
    if (auto refused = refuse_state(c, g, *text)) return *refused;
    if (auto refused = await_write(c, config_files::path(c.node, g))) return *refused;
    if (const std::string why = carry_out(c, g, std::move(wanted)); !why.empty()) return error(500, why);
    return ok(nullptr);
}

/// The same in a worker: changes that take long do not block the caller.
reply post_config(call& c, guest_id g) {
    changes wanted = wanted_changes(c);
    if (auto refused = refuse_change(c, g, wanted)) return *refused;
    drop_empty(wanted);
    const auto text = c.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    if (auto refused = refuse_state(c, g, *text)) return *refused;
    if (auto refused = await_write(c, config_files::path(c.node, g))) return *refused;
    task_work w = guest_work("config", g, std::chrono::milliseconds(200));
    w.finish = [later = c, g, wanted](const std::string&) mutable -> std::string {
        const std::string why = carry_out(later, g, wanted);
        return why.empty() ? "OK" : why;
    };
    return task_reply(c.model.start_task(c.node, c.who.name(), std::move(w)));
}

}  // namespace

void add_config_routes(std::vector<route>& routes) {
    add_both<get_config>(routes, "GET", "/config");
    add_both<get_pending>(routes, "GET", "/pending");
    add_both<put_config>(routes, "PUT", "/config");
    add_vm<post_config>(routes, "POST", "/config");
}

}  // namespace steward::sim::api
