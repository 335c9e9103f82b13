#pragma once
#include "base/time.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace steward::pve {

/// Which endpoint has no way to which node. What it passes on to a node that it cannot reach ends with 595 to 599
/// (pve-facts B.5), although both may be well and another endpoint may have a way. Kept for a minute; a node to which
/// nobody has a way is dead, and then nothing changes.
class detours {
  public:
    static constexpr duration kept = std::chrono::seconds(60);

    /// "/nodes/n2/lxc/102" → "n2"; "" when the call is about no node.
    [[nodiscard]] static std::string node_of(std::string_view path);
    /// Whether a call that ended so may be tried at another endpoint: it found no way (is_about_node), and was not
    /// carried out, which only 595 says for sure, or may be carried out twice.
    [[nodiscard]] static bool may_repeat(int status, bool is_repeatable);
    /// Remembers a way that is closed, forgets one that is open again.
    void note(std::size_t endpoint, const std::string& node, bool is_open, time_point now);
    [[nodiscard]] bool is_closed(std::size_t endpoint, const std::string& node, time_point now) const;
    /// The same endpoints, those without a way to the node last.
    [[nodiscard]] std::vector<std::size_t> sorted(std::vector<std::size_t> order, const std::string& node,
                                                  time_point now) const;

  private:
    std::map<std::pair<std::size_t, std::string>, time_point> closed_until_;
};

}  // namespace steward::pve
