#pragma once
#include "pve/schema/catalogue.hpp"
#include "pve/schema/schema.hpp"

#include <string>
#include <string_view>

namespace steward::pve::shell {

/// What a call is, takes, gives, who may make it and since when: for people.
[[nodiscard]] std::string describe(const schema::method& what);

/// "/nodes/n1/lcx is no path; below /nodes/n1 are aplinfo, apt, …": the nearest names first.
[[nodiscard]] std::string no_such_path(const schema::catalogue& all, std::string_view path);

}  // namespace steward::pve::shell
