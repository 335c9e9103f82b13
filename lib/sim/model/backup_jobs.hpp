#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"
#include "sim/model/section_config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace steward::sim {

class cluster;

/// The vzdump jobs of jobs.cfg.
inline constexpr const char* jobs_file = "jobs.cfg";

/// Whether a job takes that guest: by number, or all but some, or by pool.
[[nodiscard]] bool job_takes(const config_section& job, vmid guest, const std::vector<vmid>& pool);

/// The next time it is due after `now`, in UTC; local times of `offset` ahead.
[[nodiscard]] std::optional<wall_time> next_run(const config_section& job, wall_time now, std::chrono::seconds offset);

/// What pvescheduler does every minute on every node: starts the jobs that are due.
void run_due_jobs(cluster& model, wall_time minute);

/// "pool:web::101,102:" of user.cfg → 101, 102.
[[nodiscard]] std::vector<vmid> guests_of_pool(const std::string& user_cfg, const std::string& pool);

}  // namespace steward::sim
