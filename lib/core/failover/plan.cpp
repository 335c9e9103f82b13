#include "core/failover/plan.hpp"

#include "core/backup/archives.hpp"
#include "core/failover/movable.hpp"
#include "core/failover/plan_targets.hpp"
#include "core/failover/refuse.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::failover {
namespace {

using model::backup;

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

template <class T>
bool contains(const std::vector<T>& list, const T& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

std::string first_word(std::string_view value, std::string_view key) {
    const auto at = value.find(std::string(key) + "=");
    if (at == std::string_view::npos) return {};
    const auto begin = at + key.size() + 1;
    return std::string(value.substr(begin, value.find(',', begin) - begin));
}

std::vector<std::string> bridges_of(const model::guest_config& config) {
    std::vector<std::string> out;
    for (const auto& [key, value] : config.values) {
        if (!key.starts_with("net")) continue;
        const std::string bridge = first_word(value, "bridge");
        if (!bridge.empty() && !contains(out, bridge)) out.push_back(bridge);
    }
    return out;
}

std::string guest_acl(guest_id g) { return "/vms/" + to_string(g.id); }
std::string storage_acl(const storage_id& s) { return "/storage/" + s.str(); }
std::string bridge_acl(const std::string& bridge) { return "/sdn/zones/localnetwork/" + bridge; }

/// Its creation was under way when its node went away. What is left can be looked at once nobody works on it any more.
refusal half_made(const facts& seen) {
    const bool is_proven_dead = seen.source && fencing::judge(*seen.source).given;
    std::string text = fmt::format("{} was being created when its node went away", to_string(seen.guest));
    if (is_proven_dead) text += "; that node is proven down, so that what is left of it can be cleaned up";
    refusal no = refuse("locked_create", std::move(text), "a person has to look at what is there");
    if (is_proven_dead) no.also = "manual_cleanup";
    return no;
}

/// Reasons in the guest itself why nobody but its owner may touch it now.
std::optional<refusal> untouchable(const facts& seen) {
    const auto& row = *seen.view->find(seen.guest);
    const std::string name = to_string(seen.guest);
    // Of a guest whose node is gone there is no status.
    const model::guest_status status = seen.status.value_or(model::guest_status());
    const bool is_gone = !seen.status.has_value();
    const auto home = seen.view->nodes.find(row.node);
    if (!is_gone && home != seen.view->nodes.end() && home->second.is_in_ha_maintenance)
        return refuse("maintenance", fmt::format("{} is in Proxmox HA's maintenance", row.node.str()),
                      fmt::format("ha-manager crm-command node-maintenance disable {}", row.node.str()));
    if (status.ha_managed || (is_gone && !row.hastate.empty() && row.hastate != "ignored"))
        return refuse("ha_managed",
                      name + " is managed by Proxmox HA, which does this itself; two managers would fight",
                      "remove it from HA or set its HA state to ignored");
    if (row.is_template || seen.config->get("template") == "1")
        return refuse("template", name + " is a template", "it is never failed over");
    const std::string lock = !status.lock.empty() ? status.lock : seen.config->get("lock");
    if (is_gone && lock == "create") return half_made(seen);
    // What else was locked died with its node (P14); on a living node it is somebody's work.
    if (!lock.empty() && !is_gone)
        return refuse(
            "locked", fmt::format("{} is locked by PVE ({})", name, lock),
            lock == "create" ? "a person has to look: pct unlock / qm unlock" : "the task that holds the lock ends");
    if (!seen.stopped_by.empty() && status.status == model::run_state::stopped)
        return refuse("operator_stopped", fmt::format("{} was stopped on purpose by {}", name, seen.stopped_by),
                      "it is started again");
    if (status.detail == "paused" || status.detail == "suspended")
        return refuse("guest_suspended", fmt::format("{} is {}, not dead", name, status.detail), "resume it");
    return std::nullopt;
}

/// The guest's node is not there: whether a proof that it runs nothing exists, or will with time.
std::optional<refusal> source_forbids(const facts& seen, const model::guest_row& row) {
    const fencing::verdict v = fencing::judge(*seen.source);
    if (!v.code.empty()) return refuse(v.code.c_str(), v.text, v.release);
    if (!v.given && (!seen.source->gone_for || *seen.source->gone_for < fencing::timing::off))
        return refuse("node_away", v.text, row.node.str() + " comes back, or stays away for a minute");
    if (seen.config) return std::nullopt;
    return refuse(
        "unknown",
        fmt::format("the configuration of {} could not be read from the cluster file system", to_string(seen.guest)),
        "it can be read again");
}

/// Reasons that lie in the cluster or in ourselves.
std::optional<refusal> world_forbids(const facts& seen) {
    const std::string name = to_string(seen.guest);
    std::string unread = "the cluster's state could not be read";
    if (!seen.problems.empty()) unread += ": " + seen.problems.front();
    if (!seen.view) return refuse("unknown", unread, "the API answers again");
    if (seen.view->is_quorate != true) return refuse("quorum", "the cluster has no quorum", "quorum is back");
    const auto* row = seen.view->find(seen.guest);
    if (!row)
        return refuse("unknown",
                      name + " is not in the cluster's list: it is gone, or our token may not see it (VM.Audit)",
                      "the guest is listed again");
    const auto node = seen.view->nodes.find(row->node);
    const bool is_online = node != seen.view->nodes.end() && node->second.online == true;
    if (!is_online && seen.source) return source_forbids(seen, *row);
    if (!is_online)
        return refuse("no_fence",
                      fmt::format("{} lives on {}, which is not reachable: without proof that it is down a second copy "
                                  "could start",
                                  name, row->node.str()),
                      fmt::format("{} comes back", row->node.str()));
    if (!seen.status || !seen.config) return refuse("unknown", unread, "the API answers again");
    return std::nullopt;
}

/// Privileges without which the hand-over would get stuck half-way (reliability I8).
std::optional<refusal> privileges_missing(const facts& seen, const policy& rules, strategy how,
                                          const storage_id& archive_storage) {
    std::vector<std::pair<std::string, const char*>> needed;
    for (const char* p : {"VM.Audit", "VM.PowerMgmt"}) needed.emplace_back(guest_acl(seen.guest), p);
    if (how == strategy::restore) {
        for (const char* p : {"VM.Allocate", "VM.Backup", "VM.Config.Options"})
            needed.emplace_back(guest_acl(seen.guest), p);
        const storage_id into = restore_storage(seen, rules);
        if (!into.empty()) needed.emplace_back(storage_acl(into), "Datastore.AllocateSpace");
        if (!archive_storage.empty()) needed.emplace_back(storage_acl(archive_storage), "Datastore.AllocateSpace");
        for (const std::string& b : bridges_of(*seen.config)) needed.emplace_back(bridge_acl(b), "SDN.Use");
    }
    std::string missing;
    for (const auto& [path, privilege] : needed) {
        const auto held = seen.privileges.find(path);
        if (held != seen.privileges.end() && held->second.contains(privilege)) continue;
        missing += fmt::format("{}{} on {}", missing.empty() ? "" : ", ", privilege, path);
    }
    if (missing.empty()) return std::nullopt;
    return refuse("missing_privilege", "our token lacks " + missing, "grant it (pveum acl modify)");
}

/// What is wrong with an archive, and what a guest that has no other one is held for.
class archive_fault {
  public:
    std::string code;
    std::string text;  ///< empty: it is good enough
};

archive_fault fault_of(const facts& seen, const policy& rules, const wish& asked, const backup& b) {
    if (std::string defect = steward::backup::defect_of(b); !defect.empty())
        return {"no_usable_backup", std::move(defect)};
    if (b.encrypted && seen.archived.count(b.volume) == 0)
        return {"no_usable_backup", "is encrypted, and no node that was asked could open it: it has not got the key"};
    const duration age = seen.now - b.created;
    if (age > rules.max_backup_age && !asked.force)
        return {"backup_stale", fmt::format("is {} old, more than max_backup_age {}", describe_duration(age),
                                            format_duration(rules.max_backup_age))};
    const auto inside = seen.archived.find(b.volume);
    if (inside == seen.archived.end())
        return {"no_usable_backup", "was not opened to see whose it is (only the first three are, if they can be)"};
    const char* key = seen.guest.type == guest_type::ct ? "hostname" : "name";
    const std::string here = seen.config->get(key);
    const std::string there = inside->second.get(key);
    if (here != there) return {"backup_identity", fmt::format("holds another guest (\"{}\", not \"{}\")", there, here)};
    return {};
}

/// Newer ones that were not even looked at, because of what their stamps say.
void tell_passed_over(const std::vector<backup>& archives, plan& into) {
    for (const backup& b : archives)
        if (std::string why = steward::backup::why_behind(b, *into.archive); !why.empty())
            into.rejections.push_back({b.volume.str(), std::move(why)});
}

/// The best archive that is good enough and that some node can restore, with those nodes.
void choose_archive(const facts& seen, const policy& rules, const wish& asked, const std::vector<node_name>& reachable,
                    plan& into) {
    std::vector<backup> archives = seen.backups;
    steward::backup::sort_best_first(archives, rules.prefer, rules.max_backup_age, seen.now);
    for (const backup& b : archives) {
        archive_fault fault = fault_of(seen, rules, asked, b);
        if (!fault.text.empty()) {
            into.rejections.push_back({b.volume.str(), std::move(fault.text)});
            if (into.archive_code.empty()) into.archive_code = std::move(fault.code);
            continue;
        }
        std::vector<rejected> nodes;
        for (const node_name& n : reachable) {
            const std::string why = restore_fault(seen, rules, n, b);
            if (why.empty())
                into.targets.push_back(n);
            else
                nodes.push_back({n.str(), why});
        }
        // The first archive speaks for the nodes: an older one is only a way round a local storage.
        if (!into.archive || !into.targets.empty()) {
            into.archive = b;
            into.rejections.insert(into.rejections.end(), nodes.begin(), nodes.end());
        }
        if (into.targets.empty()) continue;
        if (rules.prefer == steward::backup::choice::healthy) tell_passed_over(archives, into);
        return;
    }
}

/// What does not stand in the way, but a person should know.
std::vector<rejected> warnings_of(const facts& seen, const plan& p) {
    std::vector<rejected> out;
    // On a living node nobody would have planned for it.
    const std::string lock = seen.config->get("lock");
    if (!lock.empty())
        out.push_back({"stale_lock_ignored", fmt::format("{} was locked ({}) by a task that died with {}",
                                                         to_string(seen.guest), lock, p.source.str())});
    if (p.archive && p.archive->created > seen.now + std::chrono::minutes(61))
        out.push_back(
            {"backup_time_skew", fmt::format("{} is from the future: a clock is wrong", p.archive->volume.str())});
    if (p.archive && p.archive->stamp.health == model::guest_health::unhealthy)
        out.push_back(
            {"backup_unhealthy", fmt::format("{} was taken while its guest was unhealthy; there is no better one",
                                             p.archive->volume.str())});
    return out;
}

std::vector<std::string> own_tags(const facts& seen) {
    std::vector<std::string> tags;
    for (const std::string& t : seen.view->find(seen.guest)->tags)
        if (!t.starts_with("steward-g")) tags.push_back(t);
    return tags;
}

}  // namespace

const char* name_of(strategy s) noexcept {
    return s == strategy::restore ? "restore" : s == strategy::relocate ? "relocate" : "migrate";
}

std::vector<std::string> acl_paths(const facts& seen, const policy& rules) {
    std::vector<std::string> paths{guest_acl(seen.guest)};
    const storage_id into = restore_storage(seen, rules);
    if (!into.empty()) paths.push_back(storage_acl(into));
    if (seen.view)
        for (const storage_id& s : backup_storages(*seen.view, rules))
            if (!contains(paths, storage_acl(s))) paths.push_back(storage_acl(s));
    if (seen.config)
        for (const std::string& b : bridges_of(*seen.config)) paths.push_back(bridge_acl(b));
    return paths;
}

std::set<std::string> needed_privileges() {
    return {"VM.Audit", "VM.PowerMgmt", "VM.Allocate", "VM.Backup", "VM.Config.Options", "Datastore.AllocateSpace",
            "SDN.Use"};
}

std::vector<storage_id> backup_storages(const model::cluster_view& view, const policy& rules) {
    std::vector<storage_id> out;
    for (const model::storage_row& s : view.storages) {
        if (!contains(s.content, "backup") || !s.available || contains(out, s.id)) continue;
        if (!rules.backup_storages.empty() && !contains(rules.backup_storages, s.id)) continue;
        out.push_back(s.id);
    }
    return out;
}

std::string rights_to_see_backups(const facts& seen, const policy& rules) {
    const auto lacks = [&](const std::string& path, const char* privilege) {
        const auto held = seen.privileges.find(path);
        return held == seen.privileges.end() || !held->second.contains(privilege);
    };
    std::string missing;
    const std::string guest = guest_acl(seen.guest);
    if (lacks(guest, "VM.Backup")) missing = "VM.Backup on " + guest;
    for (const storage_id& s : backup_storages(*seen.view, rules)) {
        const std::string path = storage_acl(s);
        if (!lacks(path, "Datastore.AllocateSpace")) continue;
        missing += (missing.empty() ? "" : ", ") + ("Datastore.AllocateSpace on " + path);
    }
    return missing;
}

std::string hidden_backups(const facts& seen, const policy& rules) {
    if (const std::string missing = rights_to_see_backups(seen, rules); !missing.empty())
        return "our token lacks " + missing;
    if (!seen.unread_backups.empty()) return seen.unread_backups;
    for (const model::storage_row& s : seen.view->storages) {
        const bool is_ours =
            contains(s.content, "backup") && (rules.backup_storages.empty() || contains(rules.backup_storages, s.id));
        if (is_ours && !s.available) return fmt::format("storage {} of {} is not available", s.id.str(), s.node.str());
    }
    return {};
}

std::optional<refusal> may_touch(const facts& seen) {
    auto no = world_forbids(seen);
    if (!no) no = untouchable(seen);
    if (no) no->is_untouchable = true;
    return no;
}

std::variant<plan, refusal> make_plan(const facts& seen, const policy& rules, const wish& asked) {
    if (!rules.failover_enabled)
        return refuse("disabled", "failover is switched off for " + to_string(seen.guest),
                      "set failover.enabled: true");
    if (!seen.storm.empty() && !asked.force)
        return refuse("storm", seen.storm, "fewer guests fail at once: then all counts begin anew");
    if (!seen.divergence.empty() && !asked.force)
        return refuse("config_divergence", seen.divergence,
                      "they are given the same configuration; or steward failover GUEST --force");
    if (auto no = may_touch(seen)) return *no;
    if (!seen.path_problem.empty()) return refuse("path_problem", seen.path_problem, "the observers agree");
    if (auto no = tied_to_its_node(seen)) return *no;
    if (seen.parking_problem) return refuse("no_guard", *seen.parking_problem, "steward-guard runs on this node");

    plan p;
    p.source = seen.view->find(seen.guest)->node;
    p.digest = seen.config->digest;
    p.is_source_gone = !seen.status.has_value();
    if (p.is_source_gone && seen.source && seen.source->lease) p.source_boot = seen.source->lease->boot_id;
    p.tags = own_tags(seen);

    std::vector<node_name> reachable;
    for (const node_name& n : candidates(seen, rules, asked)) {
        const std::string fault = node_fault(seen, rules, n);
        if (fault.empty())
            reachable.push_back(n);
        else if (n != p.source || asked.to)
            p.rejections.push_back({n.str(), fault});
    }

    // Moving the configuration keeps the data; a restore loses what came after the backup.
    for (const node_name& n : reachable)
        if (is_shared_with(seen, n)) p.targets.push_back(n);
    if (!p.targets.empty()) {
        p.how = strategy::relocate;
        p.warnings = warnings_of(seen, p);
        if (auto no = privileges_missing(seen, rules, p.how, {})) return *no;
        return p;
    }

    p.storage = restore_storage(seen, rules);
    choose_archive(seen, rules, asked, reachable, p);
    if (!p.archive) {
        refusal no =
            seen.backups.empty()
                ? refuse("no_backup", "there is no backup of " + to_string(seen.guest) + " that we can see",
                         "make one (vzdump), or check Datastore.AllocateSpace and VM.Backup")
                : refuse(p.archive_code.c_str(), "none of the backups of " + to_string(seen.guest) + " is good enough",
                         "make a fresh one, or order it with --force when only its age is wrong");
        no.rejections = std::move(p.rejections);
        return no;
    }
    if (auto no = privileges_missing(seen, rules, p.how, storage_of(p.archive->volume))) return *no;
    p.warnings = warnings_of(seen, p);
    if (p.targets.empty()) {
        refusal no = refuse("no_target", "no node can take " + to_string(seen.guest), "one of the reasons goes away");
        no.rejections = std::move(p.rejections);
        return no;
    }
    return p;
}

}  // namespace steward::failover
