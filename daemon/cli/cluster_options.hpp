#pragma once
#include "arguments.hpp"
#include "config/settings.hpp"
#include "pve/connection.hpp"

#include <optional>
#include <string>

namespace steward::cli {

inline constexpr const char* default_config = "/etc/steward/steward.yaml";

/// The configuration file that such a call is about: the one it names, else the default one where it is there and the
/// options do not tell the whole way.
[[nodiscard]] std::optional<std::string> meant_config(const arguments& given);

/// What a configuration file says of the cluster that such a call is about: the one that --cluster names, or the only
/// one. Errors: invalid.
[[nodiscard]] result<config::settings> meant_cluster(const std::string& file, const arguments& given);

/// How to reach the cluster: the options --endpoint, --token-file, --user, --password-file, --totp-file, --fingerprint,
/// --ca-file, --trace; what they leave open comes from the configuration file (--config, /etc/steward/steward.yaml).
/// Errors: invalid, not_found, io.
[[nodiscard]] result<pve::connection_options> cluster_options(const arguments& given);

/// The same for a command that is of no use without them: the credentials can be read as well.
[[nodiscard]] result<pve::connection_options> usable_options(const arguments& given);

}  // namespace steward::cli
