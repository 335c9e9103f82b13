#pragma once
#include "config/sim_script.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::config {

/// One value of a scenario's topology or parameters, flat: "guests.ct101.node" = "n1", "ct102.targets" = "n3,n1".
class sim_setting {
  public:
    sim_setting(std::string k, std::string v, int l) : key(std::move(k)), value(std::move(v)), line(l) {}
    std::string key;
    std::string value;  ///< the items of a list with commas; empty for a bare word like "off"
    int line = 0;
};

class sim_line {
  public:
    sim_line(std::string t, int l) : text(std::move(t)), line(l) {}
    std::string text;
    int line = 0;
};

/// A whole SIM/1 file (reliability §4.1). What its commands, settings and expectations mean is for whoever runs it.
class sim_scenario {
  public:
    std::string id;        ///< "A01"
    std::string name;      ///< "net-off-single-node"
    std::string group;     ///< "A Node loss and fencing"
    std::string base;      ///< where the fact comes from
    std::string topology;  ///< "c3"; "" when the settings say everything
    std::vector<sim_setting> settings;
    std::vector<sim_setting> params;
    sim_script script;
    std::optional<duration> until;
    std::vector<sim_line> expect;
    std::vector<diagnostic> problems;  ///< all of them, in file order; with any the rest means nothing
};
[[nodiscard]] sim_scenario read_sim_scenario(std::string_view text, const std::string& file);

}  // namespace steward::config
