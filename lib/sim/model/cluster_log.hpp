#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace steward::sim {

/// The log that all nodes share (pve-facts E.2, .clusterlog): the starts and ends of tasks, and who logged in.
class cluster_log {
  public:
    static constexpr int info = 6;
    static constexpr int error = 3;
    static constexpr std::size_t most_entries = 500;

    class entry {
      public:
        wall_time when{};
        node_name node;
        std::string tag;  ///< "pvedaemon"
        std::uint32_t pid = 0;
        std::string user;
        std::string message;
        int priority = info;
        std::uint64_t uid = 0;
    };
    void add(entry e);
    /// Oldest first.
    [[nodiscard]] const std::deque<entry>& entries() const { return entries_; }

  private:
    std::deque<entry> entries_;
    std::uint64_t next_uid_ = 1;
};

}  // namespace steward::sim
