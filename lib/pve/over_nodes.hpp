#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <exception>
#include <type_traits>
#include <utility>
#include <vector>

namespace steward::pve {

/// What several nodes said, and which of them said nothing: a listing that is not whole never looks like one that is.
/// Both in the order in which the nodes were named.
template <class T>
class partial {
  public:
    [[nodiscard]] bool is_complete() const { return missing.empty(); }

    std::vector<std::pair<node_name, T>> answers;
    std::vector<std::pair<node_name, fault>> missing;
};

class over_nodes_options {
  public:
    over_nodes_options() {}

    std::size_t in_flight = 8;  ///< nodes asked at a time; a worker of pveproxy serves one call at a time
    duration each = std::chrono::seconds(15);  ///< for one node, from when it is asked
};

namespace detail {

/// `count` times run(), all at a time; returns when the last has ended. `run` never throws.
class crew {
  public:
    virtual ~crew() = default;
    [[nodiscard]] boost::asio::awaitable<void> work(std::size_t count);

  protected:
    [[nodiscard]] virtual boost::asio::awaitable<void> run() = 0;
};

/// The fault with the node's name in it, and its status kept.
[[nodiscard]] fault of_node(const node_name& node, const fault& why);

template <class T, class Ask>
class nodes_crew final : public crew {
  public:
    nodes_crew(time_source& time, std::vector<node_name> nodes, over_nodes_options options, Ask& ask)
        : time_(time), nodes_(std::move(nodes)), options_(options), ask_(ask), answers_(nodes_.size()) {}

    [[nodiscard]] std::size_t hands() const {
        return std::min(std::max<std::size_t>(options_.in_flight, 1), nodes_.size());
    }
    [[nodiscard]] const std::exception_ptr& error() const { return error_; }

    partial<T> take() {
        partial<T> all;
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (answers_[i])
                all.answers.emplace_back(nodes_[i], std::move(*answers_[i]));
            else
                all.missing.emplace_back(nodes_[i], of_node(nodes_[i], answers_[i].error()));
        }
        return all;
    }

  protected:
    boost::asio::awaitable<void> run() override {
        try {
            while (next_ < nodes_.size() && !error_) {
                const std::size_t at = next_++;
                node_name node = nodes_[at];
                const time_point limit = time_.now() + options_.each;
                auto asking = ask_(std::move(node));
                answers_[at] = co_await with_deadline(time_, limit, std::move(asking));
            }
        } catch (...) {
            error_ = std::current_exception();
        }
    }

  private:
    time_source& time_;
    std::vector<node_name> nodes_;
    over_nodes_options options_;
    Ask& ask_;
    std::vector<result<T>> answers_;
    std::size_t next_ = 0;
    std::exception_ptr error_;
};

template <class T>
struct answer_of;
template <class T, class Executor>
struct answer_of<boost::asio::awaitable<result<T>, Executor>> {
    using type = T;
};

}  // namespace detail

/// Asks each node the same, some at a time, each with a deadline of its own. A node that is dead (595, 596, no answer
/// in time) or that refuses is in `missing` with its fault, and the others' answers are there all the same;
/// is_about_node (http_meaning.hpp) tells a dead node from a dead endpoint. `ask` is called with a node_name and
/// returns awaitable<result<T>>. Cancellation passes through, after all calls under way have ended.
template <class Ask>
auto over_nodes(time_source& time, std::vector<node_name> nodes, over_nodes_options options, Ask ask)
    -> boost::asio::awaitable<partial<typename detail::answer_of<std::invoke_result_t<Ask&, node_name>>::type>> {
    using T = typename detail::answer_of<std::invoke_result_t<Ask&, node_name>>::type;
    detail::nodes_crew<T, Ask> crew(time, std::move(nodes), options, ask);
    const std::size_t hands = crew.hands();
    co_await crew.work(hands);
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none)
        throw boost::system::system_error(boost::asio::error::operation_aborted);
    if (crew.error()) std::rethrow_exception(crew.error());
    co_return crew.take();
}

}  // namespace steward::pve
