#pragma once
#include "base/random.hpp"
#include "pve/transport.hpp"
#include "runtime/time_source.hpp"

namespace steward::pve {

class retry_options {
  public:
    duration first = std::chrono::milliseconds(250);  ///< the first pause, of which up to a half is cut off by chance
    duration most = std::chrono::seconds(10);         ///< doubled up to here
    int attempts = 0;                                 ///< in all; 0: until the deadline
};

/// Repeats what is safe to repeat, with growing pauses, until the deadline of the call; what came last is then the
/// answer, with the number of attempts in its text. Safe are
/// - a GET without an answer, or with 429, 502 to 504 or 595 to 599 (pve-facts B.5);
/// - anything else only when it provably never arrived: not_delivered, or 595 from the proxying node.
/// A Retry-After longer than the pause is kept to; when it ends after the deadline, the answer is given at once. No
/// refusal of PVE is repeated, and nothing that moves files (`stream`).
///
/// For programs and the CLI. stewardd goes without: its loops ask again by themselves, and a look or a probe must fail
/// when it failed, not when a repetition gave up.
class retrying_transport final : public transport {
  public:
    /// The three outlive this.
    retrying_transport(transport& inner, time_source& time, random_source& chance, retry_options options = {});

    [[nodiscard]] boost::asio::awaitable<result<reply>> send(request call, time_point deadline) override;
    [[nodiscard]] boost::asio::awaitable<result<reply>> stream(request call, streams with) override;

  private:
    transport& inner_;
    time_source& time_;
    random_source& chance_;
    retry_options options_;
};

}  // namespace steward::pve
