#pragma once
#include "pve/schema/catalogue.hpp"

#include <string_view>

/// The whole schema inside the program: link steward_pve_facts, which nothing needs that only makes typed calls.
namespace steward::pve::schema {

/// pve.facts as it stands.
[[nodiscard]] std::string_view all_facts_text();

/// Every call of 7.4 to 9.2; read on first use, which takes some milliseconds.
[[nodiscard]] const catalogue& catalogue_of_everything();

}  // namespace steward::pve::schema
