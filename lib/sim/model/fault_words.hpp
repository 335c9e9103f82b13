#pragma once
#include "sim/model/cluster.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the files with fault commands share. Private to lib/sim/model.
namespace steward::sim {

using fault_words = std::vector<std::string>;
using fault_command = result<std::string> (*)(cluster&, const fault_words&);

/// `invalid` with a sentence for the person who typed it.
[[nodiscard]] fault bad_command(const std::string& what);
/// "50%" → 0.5, "3" → 3.
[[nodiscard]] std::optional<double> read_number(const std::string& text);

/// Nodes, their network, clocks, daemons, watchdogs, and what their API does: power, reset, boot, net, cnet, svc, part,
/// heal, pause, clock, service, quorum, qdevice, wd, api, worker,
/// tasklog. Null for another word.
[[nodiscard]] fault_command cluster_fault_command(std::string_view verb);

}  // namespace steward::sim
