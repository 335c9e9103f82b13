#include "runtime/task_group.hpp"

#include "base/log.hpp"
#include "runtime/parking.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <list>

namespace steward {
namespace asio = boost::asio;

struct task_group::state {
    explicit state(asio::any_io_executor ex) : executor(std::move(ex)) {}

    void ended(std::list<asio::cancellation_signal>::iterator task, const std::string& name, std::exception_ptr error) {
        running.erase(task);
        if (error && !is_cancellation(error)) {
            log::error("task.failed", {{"task", name}, {"reason", what(error)}});
            if (!first_failure) {
                first_failure = error;
                cancel_all();
            }
        }
        if (running.empty()) all_done.wake();
    }

    void cancel_all() {
        // A task may end, and leave the list, while its own signal is being emitted.
        for (auto it = running.begin(); it != running.end();) {
            const auto next = std::next(it);
            it->emit(asio::cancellation_type::terminal);
            it = next;
        }
    }

    static bool is_cancellation(const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const boost::system::system_error& e) {
            return e.code() == asio::error::operation_aborted;
        } catch (...) {
            return false;
        }
    }

    static std::string what(const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            return e.what();
        } catch (...) {
            return "unknown exception";
        }
    }

    asio::any_io_executor executor;
    parking all_done;
    std::list<asio::cancellation_signal> running;
    std::exception_ptr first_failure;
};

task_group::task_group(asio::any_io_executor executor) : state_(std::make_shared<state>(std::move(executor))) {}

// Posted: outside the loop a task may be over whose completion has not run yet, and its signal must not be touched.
task_group::~task_group() { cancel(); }

void task_group::spawn(std::string name, asio::awaitable<void> work) {
    const auto task = state_->running.emplace(state_->running.end());
    auto finished = [s = state_, task, name = std::move(name)](std::exception_ptr error) {
        s->ended(task, name, std::move(error));
    };
    asio::co_spawn(state_->executor, std::move(work), asio::bind_cancellation_slot(task->slot(), std::move(finished)));
}

void task_group::cancel() {
    // Posted, because a task must not be unwound inside one of its own calls.
    asio::post(state_->executor, [s = state_] { s->cancel_all(); });
}

asio::awaitable<void> task_group::join() {
    const auto s = state_;
    while (!s->running.empty()) co_await s->all_done.wait();
    if (s->first_failure) std::rethrow_exception(std::exchange(s->first_failure, nullptr));
}

std::size_t task_group::size() const { return state_->running.size(); }

}  // namespace steward
