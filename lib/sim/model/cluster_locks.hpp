#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <functional>
#include <map>
#include <string>

namespace steward::sim {

class file_tree;

/// Directories below /etc/pve/priv/lock: who made them first holds them (pve-facts E.4). They live 120 s after their
/// last refresh, measured by the node with the lowest id in the quorate part since it first saw that refresh; and they
/// end only when somebody asks. Recorded: taken over 122 s after the holder fell silent.
class cluster_locks {
  public:
    explicit cluster_locks(file_tree& tree) : tree_(tree) {}

    /// mkdir. Errors: `exists` while somebody holds it.
    [[nodiscard]] result<void> acquire(const std::string& name, const node_name& by, time_point now);
    /// utime(now). Errors: `not_found`, `forbidden` for anybody but the holder.
    [[nodiscard]] result<void> refresh(const std::string& name, const node_name& by, time_point now);
    /// utime(0): the judge removes the lock when it is too old. `judge_since` is since when the judge has been in the
    /// quorate part. Returns whether it is gone.
    bool request_release(const std::string& name, time_point now, time_point judge_since);
    /// rmdir. Errors: `not_found`, `forbidden`.
    [[nodiscard]] result<void> release(const std::string& name, const node_name& by);

    [[nodiscard]] bool is_held(const std::string& name) const;
    /// Empty when nobody does, or somebody from outside the model.
    [[nodiscard]] node_name holder(const std::string& name) const;

    static constexpr duration life = std::chrono::seconds(120);

  private:
    class held {
      public:
        node_name by;
        time_point refreshed;
    };
    file_tree& tree_;
    std::map<std::string, held> known_;
};

}  // namespace steward::sim
