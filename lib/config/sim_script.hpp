#pragma once
#include "base/time.hpp"
#include "config/load.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::config {

/// One entry of a scenario's script: what happens to the simulated cluster so long after its start.
class sim_step {
  public:
    duration at{};
    std::vector<std::string> commands;
    int line = 0;
};

/// The script of a SIM/1 file (its `script:`; the other keys of the format are known and left to whoever runs the whole
/// scenario). Never throws; with problems the steps mean nothing.
class sim_script {
  public:
    std::vector<sim_step> steps;       ///< by time, those of one time in the order of the file
    std::vector<diagnostic> problems;  ///< all of them, in file order
};
/// "120" seconds, "0.5", or a duration like "2m".
[[nodiscard]] std::optional<duration> parse_sim_time(std::string_view text);

[[nodiscard]] sim_script read_sim_script(std::string_view text, const std::string& file);

}  // namespace steward::config
