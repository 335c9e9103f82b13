#pragma once
#include "arguments.hpp"
#include "config/load.hpp"
#include "doctor_report.hpp"
#include "pve/connection.hpp"

#include <optional>

namespace steward::cli {

/// `steward doctor`: looks at everything that Steward needs and changes nothing. Exit code as doctor_report.hpp has it.
[[nodiscard]] int doctor_main(const arguments& given);

/// All that it would say.
[[nodiscard]] doctor_report examine(const arguments& given);

/// What is on this machine: daemon, guard, watchdog. `settings` may be missing: then the usual places are looked at.
void examine_here(const arguments& given, const std::optional<config::settings>& settings, doctor_report& into);

/// Each endpoint by itself: its name, whether it answers, whether its certificate is the expected one (and which it
/// shows), whether it takes the credentials. True when one of them let us in.
[[nodiscard]] bool examine_endpoints(const pve::connection_options& way, doctor_report& into);

/// What only the cluster can tell: quorum, nodes, clocks, rights, backups.
void examine_cluster(const pve::connection_options& way, const std::optional<config::settings>& settings,
                     doctor_report& into);

}  // namespace steward::cli
