#pragma once
#include "runtime/parking.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace steward {

/// Virtual time: owns its io_context and moves the clock only when nothing is left to run. Sleepers with equal
/// deadlines wake in the order in which they asked. Sockets do not follow it; simulations replace the seams.
class sim_time final : public time_source {
  public:
    sim_time() = default;
    ~sim_time() override;
    sim_time(const sim_time&) = delete;
    sim_time& operator=(const sim_time&) = delete;

    [[nodiscard]] boost::asio::io_context& io() { return io_; }
    [[nodiscard]] time_point now() const override { return now_; }
    [[nodiscard]] wall_time wall_now() const override;
    [[nodiscard]] boost::asio::awaitable<void> sleep_until(time_point when) override;
    /// Of something that may stand still meanwhile: does not wake before `stands_until`, which may change while it
    /// sleeps and outlives it. What stands still for good is looked at once a second.
    [[nodiscard]] boost::asio::awaitable<void> sleep_until(time_point when, const time_point& stands_until);

    /// Runs everything that happens within the next `how_long`, then stands exactly there.
    void run_for(duration how_long);
    /// Runs until `done()` or until `limit` has passed; tells whether `done()` held. Throws std::runtime_error when
    /// something happens again and again without any time passing: outside it would burn a processor.
    template <class Predicate>
    bool run_until(Predicate done, duration limit) {
        const time_point end = now_ + limit;
        for (;;) {
            drain();
            if (done()) return true;
            if (!step(end)) return done();
            check_progress();
        }
    }
    /// Something with a calendar of its own follows this clock: `run` is called at each `next()`, before sleepers of
    /// the same moment wake. Only one.
    void lead(std::function<std::optional<time_point>()> next, std::function<void()> run) {
        next_event_ = std::move(next);
        run_event_ = std::move(run);
    }
    [[nodiscard]] std::size_t sleepers() const { return sleepers_.size(); }

  private:
    using key = std::pair<time_point, std::uint64_t>;
    class sleeper {
      public:
        std::unique_ptr<detail::parked_coroutine> who;
        const time_point* stands_until = nullptr;
    };
    [[nodiscard]] boost::asio::awaitable<void> sleep(time_point when, const time_point* stands_until);
    void drop(key where);
    void wake_first();
    void drain();
    bool step(time_point end);
    void check_progress();

    boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};  // one thread, and nobody posts from another
    time_point now_{};
    std::uint64_t sequence_ = 0;
    time_point last_moment_{};
    std::uint64_t steps_in_it_ = 0;
    std::function<std::optional<time_point>()> next_event_;
    std::function<void()> run_event_;
    std::map<key, sleeper> sleepers_;
    std::map<std::uint64_t, time_point> put_off_;  ///< until when, of sleepers that stood still when they were to wake
};

}  // namespace steward
