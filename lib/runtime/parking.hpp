#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <list>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace steward {
namespace detail {

/// A suspended coroutine, to be resumed once. Dropping it ends the coroutine where it stands.
class parked_coroutine {
  public:
    virtual ~parked_coroutine() = default;
    /// From outside the loop: goes on at once.
    virtual void resume(boost::system::error_code ec) = 0;
    /// From anywhere on its executor's thread: goes on when whoever calls is done.
    virtual void post(boost::system::error_code ec) = 0;
};

/// Whether a loop with nothing but coroutines that are parked so in it is over.
enum class loop_is { over, not_over };

template <class Handler, loop_is Loop>
class parked_handler final : public parked_coroutine {
  public:
    explicit parked_handler(Handler handler) : handler_(std::move(handler)), work_(work_of(handler_)) {}

    void resume(boost::system::error_code ec) override {
        Handler handler = std::move(handler_);
        std::move(handler)(ec);
    }
    void post(boost::system::error_code ec) override {
        const auto executor = boost::asio::get_associated_executor(handler_);
        boost::asio::post(executor, [handler = std::move(handler_), ec]() mutable { std::move(handler)(ec); });
    }

  private:
    using guard = boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler>>;
    using work = std::conditional_t<Loop == loop_is::over, std::monostate, guard>;
    static work work_of([[maybe_unused]] const Handler& of) {
        if constexpr (Loop == loop_is::over)
            return {};
        else
            return boost::asio::make_work_guard(of);
    }

    Handler handler_;
    [[no_unique_address]] work work_;
};

/// Suspends the caller and gives what resumes it to `keep(parked, slot)`, which also sees to its cancellation.
template <loop_is Loop = loop_is::not_over, class Keep>
boost::asio::awaitable<void> park_coroutine(Keep keep) {
    auto start = [keep = std::move(keep)](auto handler) {
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        keep(std::make_unique<parked_handler<decltype(handler), Loop>>(std::move(handler)), slot);
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(boost::system::error_code)>(
        std::move(start), boost::asio::use_awaitable);
}

}  // namespace detail

/// Where coroutines wait until somebody wakes them; all on one thread. Costs no timer and no reactor.
class parking {
  public:
    parking() = default;
    parking(const parking&) = delete;
    parking& operator=(const parking&) = delete;

    /// Until the next `wake`; leaves with operation_aborted when cancelled.
    [[nodiscard]] boost::asio::awaitable<void> wait() {
        auto keep = [this](std::unique_ptr<detail::parked_coroutine> who, boost::asio::cancellation_slot slot) {
            const auto place = waiting_.emplace(waiting_.end(), std::move(who));
            if (!slot.is_connected()) return;
            detail::parked_coroutine* const mine = place->get();
            slot.assign([this, mine](boost::asio::cancellation_type) { drop(mine); });
        };
        return detail::park_coroutine(std::move(keep));
    }

    void wake() {
        for (auto all = std::exchange(waiting_, {}); !all.empty(); all.pop_front()) all.front()->post({});
    }

  private:
    /// Whoever was woken meanwhile is no longer in the list.
    void drop(const detail::parked_coroutine* who) {
        for (auto place = waiting_.begin(); place != waiting_.end(); ++place) {
            if (place->get() != who) continue;
            const auto dropped = std::move(*place);
            waiting_.erase(place);
            return dropped->post(boost::asio::error::operation_aborted);
        }
    }

    std::list<std::unique_ptr<detail::parked_coroutine>> waiting_;
};

}  // namespace steward
