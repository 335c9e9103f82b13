#pragma once
#include "sim/model/cluster.hpp"

#include <string>
#include <string_view>

/// A whole cluster as one readable file (JSON, a line for each thing), to begin again where another run ended.
namespace steward::sim {

/// Everything but what is only on its way: workers that run die with the simulator, as with a node's power, and leave
/// what they leave; requests that wait are dropped; memberships that are being agreed on are agreed on; what the API of
/// a node was made to do is over, and the cluster log begins anew. Times are seconds before now, calendar times are
/// absolute.
[[nodiscard]] std::string save_state(const cluster& model);

/// What a cluster must be made of before load_state can fill it: nodes, name, release, the guests' services. Take
/// start, wall_start and files from the caller. Errors: invalid, with what is wrong in the text.
[[nodiscard]] result<options> options_of_state(std::string_view text);

/// Fills a cluster that was made from options_of_state of the same text. Errors: invalid; the cluster is then half
/// filled and of no use.
[[nodiscard]] result<void> load_state(cluster& model, std::string_view text);

}  // namespace steward::sim
