#pragma once
#include "base/ids.hpp"
#include "base/question.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward {

/// What the daemon adds to the lease that its node's guard renews.
class daemon_words {
  public:
    bool operator==(const daemon_words&) const = default;
    std::string config_digest;
    bool is_fit = false;
    std::uint64_t leads = 0;  ///< the epoch in which it leads; 0: it does not
    std::vector<guest_id> down;
    std::vector<guest_id> unsure;
    question asks;     ///< the others to look at `asked`; only who leads does
    question answers;  ///< that it has looked as it was asked to
    std::vector<guest_id> asked;
    std::vector<guest_id> managed;  ///< all that it looks after, wherever they are
};

/// Lines for the guard. When more guests are down or unsure than fit into a lease, it says that it is unfit instead.
[[nodiscard]] std::string to_text(const daemon_words& w);
/// Nothing when the text is none.
[[nodiscard]] std::optional<daemon_words> parse_daemon_words(std::string_view text);

}  // namespace steward
