#pragma once
#include "base/time.hpp"
#include "base/verdict.hpp"

#include <string>
#include <vector>

/// What single probe answers come to. Pure: rise and fall like keepalived's, three-valued (reliability I9).
namespace steward::health {

struct rules {
    int rise = 2;  ///< healthy answers in a row to be up
    int fall = 3;  ///< unhealthy answers in a row to be down
};

enum class standing {
    unknown,  ///< never looked, or several looks in a row told nothing
    up,
    suspicious,  ///< the last answer was bad, not yet `fall` in a row
    down,
};
[[nodiscard]] const char* name_of(standing s) noexcept;

/// One check's memory.
struct check_state {
    standing now = standing::unknown;
    int good_in_row = 0;
    int bad_in_row = 0;
    int blank_in_row = 0;    ///< answers that told nothing
    std::string reason;      ///< of the last answer
    time_point good_at{};    ///< when the last healthy attempt began
    time_point bad_since{};  ///< when the first of the unhealthy ones in a row began
};

/// A blank answer neither helps nor hurts a running count; `fall` blanks in a row make the check unknown. `begun`: when
/// the attempt began.
[[nodiscard]] check_state after_probe(check_state before, verdict answer, std::string reason, rules limits,
                                      time_point begun = {});

/// Whether what a check says of the time since `bad_since` can be believed, by something else that it depends on.
struct witness {
    standing now = standing::unknown;
    time_point good_at{};  ///< when it was last found to be well
};
/// How a check counts while it depends on `on`, its parent. While that is not up nothing is known of the check. And it
/// is down only when its parent was found well after it began to fail: which of the two is looked at first is chance.
[[nodiscard]] standing behind(standing own, time_point bad_since, const witness& on) noexcept;

/// A guest's standing from those of its checks. `reason` is that of a check that decides.
struct summary {
    standing now = standing::unknown;
    std::string reason;
};
struct named_check {
    std::string name;
    check_state state;
};
/// How many of a guest's checks stand where.
class tally {
  public:
    void add(standing s) noexcept;
    /// `required` of them have to be up; 0: all. Down only when so many are down that the others cannot make it up:
    /// what is unknown never counts as down, nor does what is only suspicious. Unknown when there are none.
    [[nodiscard]] standing of(int required) const noexcept;
    [[nodiscard]] int all() const noexcept { return up_ + suspicious_ + down_ + unknown_; }
    [[nodiscard]] int up() const noexcept { return up_; }

  private:
    int up_ = 0;
    int suspicious_ = 0;
    int down_ = 0;
    int unknown_ = 0;
};
[[nodiscard]] summary summarise(const std::vector<named_check>& checks, int required = 0);

}  // namespace steward::health
