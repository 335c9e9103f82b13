#pragma once
#include "base/guard_frames.hpp"
#include "guard/pve_files.hpp"

#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>

namespace steward::guard {

/// Where the guard works.
class workplace {
  public:
    explicit workplace(std::filesystem::path pve) : pve_root(std::move(pve)) {}
    std::filesystem::path pve_root;  ///< "/etc/pve"
    /// "/run/lock": PVE's own per-guest lock files. They mean something on `local_node` only; empty: not used.
    std::filesystem::path lock_root;
    node_name local_node;
    /// Asked behind a write, before anything else is: whether whoever asks may (still) do so. Empty: always.
    std::function<std::optional<reply>(pve_files& files, const request& r)> permit;
};

/// Does one request, step by step, until it is done or refused. Blocks while the cluster file system does.
/// `most_steps` ends it early with `outcome_unknown`: what a crash at that point leaves behind.
[[nodiscard]] reply carry_out(const request& r, const workplace& where,
                              unsigned most_steps = std::numeric_limits<unsigned>::max());

}  // namespace steward::guard
