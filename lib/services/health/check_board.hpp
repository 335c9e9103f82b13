#pragma once
#include "base/random.hpp"
#include "config/settings.hpp"
#include "core/health/health.hpp"
#include "net/probe.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace steward {

/// The checks of one guest, or the gateways: runs them, and says what they come to. Lives on the event loop's thread.
class check_board {
  public:
    /// `owner` stands in what is logged: "ct/101".
    check_board(boost::asio::any_io_executor executor, time_source& time, random_source& chance, std::string owner);
    ~check_board();
    check_board(const check_board&) = delete;
    check_board& operator=(const check_board&) = delete;

    /// These from now on. One that did not change keeps what it knows.
    void apply(const std::vector<config::check>& specs);
    /// What was seen so far says nothing any more.
    void forget();
    /// Sees to it that every check is made once that begins since then; true when that was done.
    bool look_again(time_point since);
    /// Cancels everything and waits for it.
    [[nodiscard]] boost::asio::awaitable<void> stop();
    /// Frees what has left and has come to its end.
    void sweep();

    /// What they come to when `required` of them have to be up (0: all).
    [[nodiscard]] health::standing standing(int required) const;
    /// The same as a vote: a check that was down and works again is not said to be down.
    [[nodiscard]] health::standing vote(int required) const;
    /// The standing with its reason.
    [[nodiscard]] health::summary summary(int required) const;
    /// What the others go by when that check is their parent. Nothing: there is no such check.
    [[nodiscard]] std::optional<health::witness> witness(const std::string& name) const;

    struct view {
        std::string name;
        health::check_state state;  ///< as it counts: unknown while a parent is not up
        probe_result last;
    };
    [[nodiscard]] std::vector<view> views() const;

    std::function<std::unique_ptr<net::prober>(const config::check&)> make_prober;
    /// Why a bad answer of that check says nothing at the moment; empty: it counts. Empty function: it always does.
    std::function<std::string(const config::check&)> excuse;
    /// Whether what would excuse a failure was looked for since then: until it was, nothing is down. Empty function:
    /// nothing is looked for.
    std::function<bool(time_point)> has_looked_since;
    /// The checks of others that may be parents here: the gateways. Null: there are none.
    check_board* gateways = nullptr;
    /// Told after every answer; empty: nobody listens.
    std::function<void()> on_answer;

  private:
    struct entry;
    [[nodiscard]] std::unique_ptr<entry> make_entry(const config::check& spec);
    void start(entry& e, duration first_delay);
    bool look_again(entry& e, time_point since);
    void look_again_at(const std::string& name, time_point since);
    [[nodiscard]] boost::asio::awaitable<duration> look(entry& e, time_point due);
    [[nodiscard]] static bool is_repetition(const entry& e, verdict answer);
    void take(entry& e, probe_result answer);
    [[nodiscard]] const entry* find(const std::string& name) const;
    [[nodiscard]] health::witness parent(const std::string& name) const;
    void look_at_parents(const entry& e);
    /// Its standing with regard to its parents and to what would excuse it.
    [[nodiscard]] health::standing standing_of(const entry& e) const;
    /// The first parent that is not up; "" when all are.
    [[nodiscard]] std::string missing_parent(const entry& e) const;
    [[nodiscard]] health::check_state state_of(const entry& e) const;

    boost::asio::any_io_executor executor_;
    time_source& time_;
    random_source& chance_;
    std::string owner_;
    std::vector<std::unique_ptr<entry>> entries_;  ///< an attempt refers to its entry, so it never moves
};

}  // namespace steward
