#include "sim/model/backup_jobs.hpp"

#include "sim/api/storage.hpp"
#include "sim/model/calendar_event.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

/// /cluster/backup and /cluster/backup-info: the jobs of jobs.cfg.
namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* file_lock = "file-jobs_cfg";

section_config read_jobs(const call& c) { return section_config::parse(c.files().tree().read(jobs_file).value_or("")); }

const config_section* find_job(const section_config& jobs, const std::string& id) {
    const config_section* found = jobs.find(id);
    return found != nullptr && found->type == "vzdump" ? found : nullptr;
}

reply no_such_job(const std::string& id) { return parameter_error({{"id", fmt::format("No such job '{}'", id)}}); }

/// "keep-last=3,keep-daily=7" → {"keep-last":"3","keep-daily":"7"}
json::object split_up(const std::string& text) {
    json::object parts;
    for (const std::string& word : split_list(text))
        parts[word.substr(0, word.find('='))] = word.substr(std::min(word.find('=') + 1, word.size()));
    return parts;
}

json::object row_of(const call& c, const config_section& job) {
    json::object row{{"id", job.id}, {"type", job.type}};
    for (const auto& [key, value] : job.values) {
        const bool has_parts = key == "prune-backups" || key == "fleecing" || key == "performance";
        row[key] = has_parts ? json::value(split_up(value)) : property_value(key, value);
    }
    if (!job.has("enabled")) row["enabled"] = 1;
    if (const auto next = next_run(job, c.model.wall_now(), c.model.local_offset(c.at)))
        row["next-run"] = next->time_since_epoch().count();
    return row;
}

reply list(call& c) {
    json::array rows;
    for (const config_section& job : read_jobs(c).sections)
        if (job.type == "vzdump") rows.push_back(row_of(c, job));
    return ok(std::move(rows));
}

reply one(call& c) {
    const section_config jobs = read_jobs(c);
    const config_section* job = find_job(jobs, c.path.at("id"));
    if (job == nullptr) return no_such_job(c.path.at("id"));
    json::object row = row_of(c, *job);
    row.erase("next-run");
    return ok(std::move(row));
}

std::string new_id(call& c) {
    const std::uint64_t a = c.model.chance().next();
    const std::uint64_t b = c.model.chance().next();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32U, a >> 16U & 0xFFFFU, a & 0xFFFU,
                       (b >> 48U & 0x3FFFU) | 0x8000U, b & 0xFFFFFFFFFFFFU);
}

/// The old way to say when: dow=mon,tue and starttime=03:00 become a schedule.
std::optional<reply> read_schedule(const call& c, config_section& job, bool is_new) {
    if (c.has("starttime") && c.has("schedule"))
        return parameter_error({{"starttime", "'starttime' and 'schedule' cannot both be set"}});
    if (c.has("starttime")) {
        const std::string days = c.get("dow", "mon,tue,wed,thu,fri,sat,sun");
        const bool every_day = split_list(days).size() == 7;
        job.values["schedule"] = (every_day ? "" : days + " ") + c.get("starttime");
    } else if (c.has("schedule")) {
        job.values["schedule"] = c.get("schedule");
    } else if (is_new) {
        return parameter_error({{"schedule", "neither 'starttime' nor 'schedule' were set"}});
    }
    if (const auto event = calendar_event::parse(job.get("schedule")); !event)
        return parameter_error({{"schedule", "invalid format - unable to parse calendar event"}});
    return std::nullopt;
}

std::optional<reply> check_selection(const call& c, const config_section& job) {
    for (const char* other : {"all", "exclude", "pool"})
        if (job.has("vmid") && job.has(other) && job.get(other) != "0")
            return parameter_error({{other, "option conflicts with option 'vmid'"}});
    const bool says_which = job.has("vmid") || job.flag("all") || job.has("pool") || job.has("exclude");
    if (!says_which) return parameter_error({{"vmid", "property is missing"}});
    for (const char* own : {"tmpdir", "dumpdir", "script"})
        if (c.has(own) && !is_root(c.who)) return parameter_error({{own, "Only root may set this option."}});
    if (const auto keep = retention::parse(job.get("prune-backups")); !keep)
        return parameter_error({{"prune-backups", keep.error().detail}});
    return std::nullopt;
}

void take_over(const call& c, config_section& job) {
    for (const auto& [key, value] : c.params)
        if (key != "id" && key != "delete" && key != "digest" && key != "starttime" && key != "dow" &&
            key != "schedule")
            job.values[key] = value;
}

reply create(call& c) {
    const std::string id = c.get("id", new_id(c));
    config_section job("vzdump", id);
    take_over(c, job);
    job.values.emplace("enabled", "1");
    if (auto wrong = read_schedule(c, job, true)) return *wrong;
    if (auto wrong = check_selection(c, job)) return *wrong;
    if (auto busy = await_cluster_lock(c, file_lock)) return *busy;
    section_config jobs = read_jobs(c);
    if (jobs.find(id) != nullptr) return error(500, fmt::format("Job '{}' already exists", id));
    if (auto refused = await_write(c, jobs_file)) return *refused;
    jobs.sections.push_back(std::move(job));
    c.model.files().tree().write(jobs_file, jobs.text());
    return ok(nullptr);
}

reply update(call& c) {
    const std::string id = c.path.at("id");
    if (auto busy = await_cluster_lock(c, file_lock)) return *busy;
    section_config jobs = read_jobs(c);
    if (find_job(jobs, id) == nullptr) return no_such_job(id);
    config_section& job = *jobs.find(id);
    for (const std::string& key : c.list("delete")) job.values.erase(key);
    // Which guests a job takes is said in one of these ways, and the new one replaces the old.
    for (const char* way : {"vmid", "all", "pool", "exclude"})
        if (c.has(way))
            for (const char* other : {"vmid", "pool"})
                if (std::string(other) != way && !c.has(other)) job.values.erase(other);
    if (c.has("vmid"))
        for (const char* other : {"all", "exclude"}) job.values.erase(other);
    take_over(c, job);
    if (auto wrong = read_schedule(c, job, false)) return *wrong;
    if (auto wrong = check_selection(c, job)) return *wrong;
    if (auto refused = await_write(c, jobs_file)) return *refused;
    c.model.files().tree().write(jobs_file, jobs.text());
    return ok(nullptr);
}

reply remove(call& c) {
    const std::string id = c.path.at("id");
    if (auto busy = await_cluster_lock(c, file_lock)) return *busy;
    section_config jobs = read_jobs(c);
    if (find_job(jobs, id) == nullptr) return no_such_job(id);
    if (auto refused = await_write(c, jobs_file)) return *refused;
    jobs.remove(id);
    c.model.files().tree().write(jobs_file, jobs.text());
    return ok(nullptr);
}

bool takes(const call& c, const config_section& job, const config_files::place& p) {
    const bool is_its_node = !job.has("node") || job.get("node") == p.node.str();
    return is_its_node && job_takes(job, p.guest.id, pool_guests(c, job.get("pool")));
}

json::array volumes_of(const guest_config& config, guest_type type) {
    json::array rows;
    for (const auto& [key, id] : config.volumes()) {
        if (key.starts_with("unused")) continue;
        const std::string drive = config.get(key);
        const bool is_root = key == "rootfs";
        const bool included = type == guest_type::ct ? is_root || drive.find("backup=1") != std::string::npos
                                                     : drive.find("backup=0") == std::string::npos;
        rows.push_back(json::object{{"id", key},
                                    {"name", drive.substr(0, drive.find(','))},
                                    {"included", included ? 1 : 0},
                                    {"reason", is_root    ? "rootfs"
                                               : included ? "enabled"
                                                          : "disabled"}});
    }
    return rows;
}

reply included_volumes(call& c) {
    const section_config jobs = read_jobs(c);
    const config_section* job = find_job(jobs, c.path.at("id"));
    if (job == nullptr) return no_such_job(c.path.at("id"));
    json::array guests;
    for (const auto& p : c.files().guests()) {
        if (!takes(c, *job, p) || !c.may_guest(p.guest.id, "VM.Audit")) continue;
        const guest_config config = guest_config::parse(c.files().read(p.node, p.guest).value_or(""));
        guests.push_back(json::object{{"id", p.guest.id.number()},
                                      {"name", config.get(p.guest.type == guest_type::ct ? "hostname" : "name")},
                                      {"type", api_word(p.guest.type)},
                                      {"children", volumes_of(config, p.guest.type)}});
    }
    return ok(json::object{{"children", std::move(guests)}});
}

reply not_backed_up(call& c) {
    const section_config jobs = read_jobs(c);
    json::array rows;
    for (const auto& p : c.files().guests()) {
        const bool is_covered = std::any_of(jobs.sections.begin(), jobs.sections.end(), [&](const config_section& job) {
            return job.type == "vzdump" && takes(c, job, p);
        });
        if (is_covered || !c.may_guest(p.guest.id, "VM.Audit")) continue;
        const guest_config config = guest_config::parse(c.files().read(p.node, p.guest).value_or(""));
        rows.push_back(json::object{{"vmid", p.guest.id.number()},
                                    {"type", api_word(p.guest.type)},
                                    {"name", config.get(p.guest.type == guest_type::ct ? "hostname" : "name")}});
    }
    return ok(std::move(rows));
}

}  // namespace

const std::vector<route>& backup_job_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/backup", list},
        {"POST", "/cluster/backup", create},
        {"GET", "/cluster/backup/{id}", one},
        {"PUT", "/cluster/backup/{id}", update},
        {"DELETE", "/cluster/backup/{id}", remove},
        {"GET", "/cluster/backup/{id}/included_volumes", included_volumes},
        {"GET", "/cluster/backup-info/not-backed-up", not_backed_up},
    };
    return routes;
}

}  // namespace steward::sim::api
