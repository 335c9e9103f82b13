#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace steward::sim::scenario {

/// A SIM/1 file before it is text, so that lines can be left out of it.
class draft {
  public:
    class step {
      public:
        int at = 0;  ///< seconds
        std::string command;
    };
    std::uint64_t seed = 0;
    std::string topology;      ///< "c5q"
    std::string settings;      ///< " guests=20"
    std::vector<step> script;  ///< ordered
    int healed = 0;            ///< when everything has been put right again
    int until = 0;
    std::vector<std::string> expect;
};

/// How long a seed's run is and how large its cluster.
class random_shape {
  public:
    static constexpr int most_nodes = 16;
    static constexpr int most_hours = 1000;
    int hours = 2;
    int least_nodes = 1;
    int largest = most_nodes;  ///< nodes
};

/// What that seed stands for: a cluster of 1 to 16 nodes with up to 60 guests, a random choice of the kinds of faults
/// (swarm testing), which happen until the last hour begins; in that nothing is broken any more and everything must
/// come to rest. A run of one hour is half and half, and too short to judge more than safety.
[[nodiscard]] draft random_draft(std::uint64_t seed, const random_shape& shape = {});

/// As a file; a person can read and change it.
[[nodiscard]] std::string to_text(const draft& d);

}  // namespace steward::sim::scenario
