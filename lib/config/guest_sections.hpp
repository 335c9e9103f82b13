#pragma once
#include "config/section.hpp"
#include "config/settings.hpp"

namespace steward::config {

/// What guests inherit: the section `defaults`.
class inherited {
  public:
    check common;  ///< interval, timeout, rise and fall only
    restart_policy restart;
    failover_policy failover;
    target_rules targets;  ///< not from `defaults`: where checks may look
};

/// A path that was given in the configuration, and where.
class named_file {
  public:
    named_file(place where, std::string key, std::string file, bool secret)
        : at(where), path_of_key(std::move(key)), path(std::move(file)), is_secret(secret) {}
    place at;
    std::string path_of_key;
    std::string path;
    bool is_secret;
};

[[nodiscard]] inherited read_defaults(const node* n, complaints& to);

/// The list `gateways`: checks that belong to no guest. `files` collects what load_file looks at on disk: files
/// that checks name.
[[nodiscard]] std::vector<check> read_gateways(const node* n, const inherited& defaults, complaints& to,
                                               std::vector<named_file>& files);

/// The section `guests`, ordered by id.
[[nodiscard]] std::vector<guest> read_guests(const node* n, const inherited& defaults,
                                             const std::vector<check>& gateways, complaints& to,
                                             std::vector<named_file>& files);

}  // namespace steward::config
