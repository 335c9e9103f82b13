#pragma once
#include "config/guest_sections.hpp"

namespace steward::config {

/// A section `hooks`: what it names is appended to `into`. `files` collects the programs.
void read_hooks(const node* n, const std::string& path, hooks& into, complaints& to, std::vector<named_file>& files);

}  // namespace steward::config
