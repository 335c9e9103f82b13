#pragma once
#include "config/guest_sections.hpp"
#include "config/health_section.hpp"
#include "config/section.hpp"

namespace steward::config {

/// The keys that every check has and that guests inherit.
void read_rhythm(section& s, check& c);
/// A probe that outlives its interval would overlap with the next one. `n` holds the two keys as far as they stand in
/// this section; the complaint goes to the place a person would change.
void check_rhythm(section& s, const node* n, const check& c);

/// One item of `checks`. Nothing when its target is unusable. Its parents are handed out when all checks are known.
[[nodiscard]] std::optional<check> read_check(const node& n, const std::string& path, const inherited& defaults,
                                              complaints& to, std::vector<named_file>& files,
                                              std::vector<parent_word>& parents);

}  // namespace steward::config
