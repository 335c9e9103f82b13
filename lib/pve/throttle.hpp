#pragma once
#include "base/result.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>

namespace steward::pve {

/// What one endpoint may be asked to bear. pveproxy has three workers that each run one call at a time (pve-facts B.4).
class throttle_options {
  public:
    std::size_t in_flight = 8;    ///< calls at once
    std::size_t per_second = 50;  ///< calls begun; 0: no limit
    std::size_t burst = 10;       ///< calls that may begin at once after a quiet time
};

/// In-flight cap and token bucket of one endpoint; first come, first served.
class throttle {
  public:
    throttle(time_source& time, throttle_options options);

    /// One of the places; given back where it is dropped, also by a cancelled caller.
    class place {
      public:
        place() = default;
        ~place();
        place(place&& other) noexcept;
        place& operator=(place&& other) noexcept;

      private:
        friend class throttle;
        struct state;
        explicit place(std::shared_ptr<state> of);
        std::shared_ptr<state> of_;
    };

    /// Waits until this call may begin; not_delivered at the deadline.
    [[nodiscard]] boost::asio::awaitable<result<place>> enter(time_point deadline);
    [[nodiscard]] std::size_t in_flight() const;

  private:
    [[nodiscard]] static boost::asio::awaitable<result<place>> wait(std::shared_ptr<place::state> of);
    std::shared_ptr<place::state> state_;
};

}  // namespace steward::pve
