#pragma once
#include "base/random.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <vector>

namespace steward::pve {

/// Which endpoint comes first. The one that answered last stays first; one that failed goes to the end of the line for
/// a while that doubles from 5 s to 60 s (with a fifth of jitter), so a dead endpoint costs its waiting time once and
/// not with every call. Afterwards it has its place again, behind the good one, and is probed by being tried.
class endpoint_order {
  public:
    endpoint_order(std::size_t count, random_source& chance);

    /// All of them, best first.
    [[nodiscard]] std::vector<std::size_t> at(time_point now) const;
    [[nodiscard]] std::size_t preferred() const { return preferred_; }
    [[nodiscard]] bool is_resting(std::size_t which, time_point now) const { return all_[which].rests_until > now; }
    void note_good(std::size_t which);
    void note_bad(std::size_t which, time_point now);

  private:
    struct standing {
        time_point rests_until{};
        int failures = 0;  ///< in a row
    };
    std::vector<standing> all_;
    std::size_t preferred_ = 0;
    random_source& chance_;
};

}  // namespace steward::pve
