#include "pve/throttle.hpp"

#include "runtime/with_timeout.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>

namespace steward::pve {
namespace asio = boost::asio;
using namespace std::chrono_literals;

struct throttle::place::state {
    state(time_source& t, throttle_options o) : time(t), options(o) {}

    void leave() {
        if (waiting.empty()) {
            --busy;
            return;
        }
        const auto next = waiting.front();
        waiting.pop_front();
        next->cancel();
    }

    /// Takes the next token: when the call may begin. `paid_until` is the bucket: as far behind now as it is full.
    time_point take_token() {
        const time_point now = time.now();
        if (options.per_second == 0) return now;
        const duration each = duration(1s) / static_cast<std::int64_t>(options.per_second);
        const auto saved = static_cast<std::int64_t>(std::max<std::size_t>(options.burst, 1) - 1);
        paid_until = std::max(paid_until, now - each * saved);
        const time_point start = std::max(paid_until, now);
        paid_until += each;
        return start;
    }

    time_source& time;
    throttle_options options;
    std::size_t busy = 0;
    std::deque<std::shared_ptr<asio::steady_timer>> waiting;
    time_point paid_until{};
};

throttle::place::place(std::shared_ptr<state> of) : of_(std::move(of)) {}
throttle::place::~place() {
    if (of_) of_->leave();
}
throttle::place::place(place&& other) noexcept = default;
throttle::place& throttle::place::operator=(place&& other) noexcept {
    std::swap(of_, other.of_);
    return *this;
}

throttle::throttle(time_source& time, throttle_options options)
    : state_(std::make_shared<place::state>(time, options)) {}

std::size_t throttle::in_flight() const { return state_->busy; }

asio::awaitable<result<throttle::place>> throttle::wait(std::shared_ptr<place::state> of) {
    if (of->busy < std::max<std::size_t>(of->options.in_flight, 1) && of->waiting.empty()) {
        ++of->busy;
    } else {
        const auto executor = co_await asio::this_coro::executor;
        const auto turn = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
        of->waiting.push_back(turn);
        boost::system::error_code ec;
        co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, ec));
        // `leave` takes a waiter off the list before it wakes it; one still listed was cancelled.
        const auto listed = std::find(of->waiting.begin(), of->waiting.end(), turn);
        if (listed != of->waiting.end()) {
            of->waiting.erase(listed);
            throw boost::system::system_error(asio::error::operation_aborted);
        }
    }
    place mine(of);
    const time_point start = of->take_token();
    if (start > of->time.now()) co_await of->time.sleep_until(start);
    co_return std::move(mine);
}

asio::awaitable<result<throttle::place>> throttle::enter(time_point deadline) {
    const auto s = state_;
    auto got = co_await with_deadline(s->time, deadline, wait(s));
    if (!got) co_return fault(errc::not_delivered, "", "the limit of calls to this endpoint left no time for it");
    co_return std::move(*got);
}

}  // namespace steward::pve
