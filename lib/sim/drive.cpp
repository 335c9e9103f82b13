#include "sim/drive.hpp"

#include "runtime/mailbox.hpp"
#include "runtime/with_timeout.hpp"

namespace steward::sim {
namespace asio = boost::asio;

namespace {

asio::awaitable<result<int>> next_nudge(mailbox<int>& nudges) {
    const int nudge = co_await nudges.receive();
    co_return nudge;
}

/// Takes the listener back even when the driver is cancelled, because the mailbox ends with it.
class listening {
  public:
    listening(cluster& model, mailbox<int>& nudges) : model_(model) {
        model_.on_change = [&nudges] {
            if (nudges.empty()) nudges.post(1);
        };
    }
    ~listening() { model_.on_change = nullptr; }
    listening(const listening&) = delete;
    listening& operator=(const listening&) = delete;

  private:
    cluster& model_;
};

}  // namespace

asio::awaitable<void> drive(time_source& time, cluster& model) {
    std::function<void()> nothing;
    return drive(time, model, std::move(nothing));
}

asio::awaitable<void> drive(time_source& time, cluster& model, std::function<void()> after_step) {
    mailbox<int> nudges;
    const listening listener(model, nudges);
    for (;;) {
        model.advance_to(time.now());
        if (after_step) after_step();
        const time_point next = model.next_event().value_or(time.now() + std::chrono::hours(1));
        // Either outcome means the same: look again.
        const auto woken = co_await with_deadline(time, next, next_nudge(nudges));
        (void)woken;
    }
}

}  // namespace steward::sim
