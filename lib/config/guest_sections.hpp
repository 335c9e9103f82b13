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
    target_rules targets;  ///< not from `defaults`: where checks may look
    hooks common_hooks;    ///< not from `defaults`: the section `hooks`
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

/// The guests of a configuration, from all of its files, ordered by id.
class guest_list {
  public:
    /// One file's section `guests`. `files` collects what load_file looks at on disk: files that checks name.
    void read(const node* n, const inherited& defaults, complaints& to, std::vector<named_file>& files);
    [[nodiscard]] std::vector<guest> take();

  private:
    class named {
      public:
        std::string name;
        place at;
    };
    std::vector<guest> all_;
    std::map<vmid, named> taken_;
};

}  // namespace steward::config
