#pragma once
#include "base/result.hpp"
#include "base/time.hpp"
#include "sim/model/options.hpp"

#include <string>
#include <vector>

namespace steward::sim::scenario {

/// A file that an earlier life of Steward left in pmxcfs.
class left_record {
  public:
    std::string path;  ///< below priv/steward
    std::string text;  ///< empty: a directory
};

/// What "record={…}" of a topology stands for: "ct101:fencing n1 epoch 7", "vm103:failed_parked", "ct102: garbage",
/// "n2:maintenance stale". Errors: `invalid`.
[[nodiscard]] result<std::vector<left_record>> left_records(const std::string& value, const options& cluster,
                                                            wall_time now);

}  // namespace steward::sim::scenario
