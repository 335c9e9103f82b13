#pragma once
#include "config/section.hpp"
#include "config/settings.hpp"

#include <map>

namespace steward::config {

/// What guests inherit: the section `defaults`.
class inherited {
  public:
    check common;  ///< interval, timeout, rise and fall only
    restart_policy restart;
    failover_policy failover;
    backup_policy backup;
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

/// The section `defaults`; what it leaves open is as in `common`.
[[nodiscard]] inherited read_defaults(const node* n, const std::string& path, inherited common, complaints& to);

/// The list `gateways`: checks that belong to no guest. `files` collects what load_file looks at on disk: files
/// that checks name.
[[nodiscard]] std::vector<check> read_gateways(const node* n, const std::string& path, const inherited& defaults,
                                               complaints& to, std::vector<named_file>& files);

/// The guests of a cluster, whose gateways are known already, from all of the files in which they stand, and those that
/// selectors choose.
class guest_list {
  public:
    explicit guest_list(settings& into) : into_(into) {}
    /// One file's section `guests`. `files` collects what load_file looks at on disk: files that checks name.
    void read(const node* n, const std::string& path, const inherited& defaults, complaints& to,
              std::vector<named_file>& files);
    /// By id; the selectors keep the order of the files.
    void sort();

  private:
    class named {
      public:
        std::string name;
        place at;
    };
    settings& into_;
    std::map<vmid, named> taken_;
};

}  // namespace steward::config
