#pragma once
#include "config/guest_sections.hpp"
#include "config/section.hpp"
#include "config/settings.hpp"

#include <string>
#include <vector>

/// What the file says of one cluster, wherever that stands: `cluster` and beside it, or below `clusters.NAME`.
namespace steward::config {

/// How it is reached: the keys of `cluster`. `n` is what `s` reads.
void read_way(section& s, const node& n, cluster& into, std::vector<named_file>& files);
void read_nodes(const node* n, const std::string& path, settings& into, complaints& to);
/// Where probes may go, once its endpoints are known.
void read_probes(const node* n, const std::string& path, settings& into, complaints& to);

}  // namespace steward::config
