#pragma once
#include "sim/model/cluster.hpp"

#include <map>
#include <string>

namespace steward::sim {

/// What must hold of the model whatever anybody calls or breaks. Looks at it after each step; keeps what it must
/// remember between two looks.
class invariants {
  public:
    /// "" or the first that does not hold, in words.
    [[nodiscard]] std::string broken(cluster& model);

  private:
    std::map<node_name, time_point> died_;
};

}  // namespace steward::sim
