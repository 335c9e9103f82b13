#include "sim/model/backup_jobs.hpp"

#include "sim/model/calendar_event.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/text.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {
namespace {

bool names(const std::string& list, vmid guest) {
    const auto words = split_list(list);
    return std::find(words.begin(), words.end(), to_string(guest)) != words.end();
}

backup_order order_of(const config_section& job, const storage_entry* s) {
    backup_order order;
    order.to = storage_id(job.get("storage", "local"));
    order.mode = job.get("mode", "snapshot");
    order.compress = job.get("compress", "0");
    order.notes_template = job.get("notes-template");
    order.is_protected = job.flag("protected");
    order.removes = job.get("remove", "1") != "0";
    if (const auto keep = retention::parse(job.get("prune-backups")); keep && job.has("prune-backups"))
        order.keep = *keep;
    if (const long minutes = std::strtol(job.get("lockwait").c_str(), nullptr, 10); minutes > 0)
        order.lock_wait = std::chrono::minutes(minutes);
    // Jobs are root's, so only the storage's own limit counts.
    if (s != nullptr && !s->get("max-protected-backups").empty())
        order.protected_limit = std::strtol(s->get("max-protected-backups").c_str(), nullptr, 10);
    for (const auto& [key, value] : job.values)
        if (key != "schedule" && key != "enabled" && key != "vmid" && key != "comment")
            order.command_line += fmt::format(" --{} {}", key, value);
    return order;
}

}  // namespace

bool job_takes(const config_section& job, vmid guest, const std::vector<vmid>& pool) {
    if (job.flag("all") || job.has("exclude")) return !names(job.get("exclude"), guest);
    if (job.has("pool")) return std::find(pool.begin(), pool.end(), guest) != pool.end();
    return names(job.get("vmid"), guest);
}

std::optional<wall_time> next_run(const config_section& job, wall_time now, std::chrono::seconds offset) {
    const auto event = calendar_event::parse(job.get("schedule"));
    if (!event) return std::nullopt;
    const auto local = event->next_after(now + offset);
    if (!local) return std::nullopt;
    return *local - offset;
}

std::vector<vmid> guests_of_pool(const std::string& user_cfg, const std::string& pool) {
    std::vector<vmid> guests;
    const std::string head = "pool:" + pool + ":";
    for (std::size_t at = 0; at < user_cfg.size();) {
        const std::size_t end = std::min(user_cfg.find('\n', at), user_cfg.size());
        const std::string line = user_cfg.substr(at, end - at);
        at = end + 1;
        const std::size_t from = line.starts_with(head) ? line.find(':', head.size()) : std::string::npos;
        if (from == std::string::npos) continue;
        for (const std::string& word : split_list(line.substr(from + 1, line.find(':', from + 1) - from - 1)))
            if (const auto id = parse_vmid(word)) guests.push_back(*id);
    }
    return guests;
}

void run_due_jobs(cluster& model, wall_time minute) {
    const auto text = model.files().tree().read(jobs_file);
    if (!text) return;
    for (const config_section& job : section_config::parse(*text).sections) {
        if (job.type != "vzdump" || job.get("enabled", "1") == "0") continue;
        const auto pool = guests_of_pool(model.files().tree().read("user.cfg").value_or(""), job.get("pool"));
        for (const sim_node& n : model.nodes()) {
            const auto due = next_run(job, minute - std::chrono::minutes(1), model.local_offset(n.name));
            const bool is_its_node = !job.has("node") || job.get("node") == n.name.str();
            if (!due || *due != minute || !is_its_node || !n.powered || !model.is_quorate(n.name)) continue;
            backup_order order = order_of(job, model.storage(storage_id(job.get("storage", "local")), n.name));
            std::string line;
            for (const config_files::place& p : model.files().guests())
                if (p.node == n.name && job_takes(job, p.guest.id, pool)) {
                    order.guests.push_back(p.guest.id);
                    line += (line.empty() ? "" : " ") + to_string(p.guest.id);
                }
            if (order.guests.empty()) continue;
            order.command_line = line + order.command_line;
            model.begin_backup(n.name, "root@pam", std::move(order));
        }
    }
}

}  // namespace steward::sim
