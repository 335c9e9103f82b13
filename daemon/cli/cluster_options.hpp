#pragma once
#include "arguments.hpp"
#include "pve/connection.hpp"

namespace steward::cli {

/// How to reach the cluster: the options --endpoint, --token-file, --user, --password-file, --totp-file, --fingerprint,
/// --ca-file, --trace; what they leave open comes from the configuration file (--config, /etc/steward/steward.yaml).
/// Errors: invalid, not_found, io.
[[nodiscard]] result<pve::connection_options> cluster_options(const arguments& given);

}  // namespace steward::cli
