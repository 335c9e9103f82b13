#include "pve/over_nodes.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace steward::pve::detail {
namespace asio = boost::asio;

asio::awaitable<void> crew::work(std::size_t count) {
    using namespace asio::experimental::awaitable_operators;
    if (count == 0) co_return;
    if (count == 1) {
        co_await run();
        co_return;
    }
    const std::size_t half = count / 2;
    co_await (work(half) && work(count - half));
}

fault of_node(const node_name& node, const fault& why) {
    fault named = why;
    if (named.where.empty()) named.where = "node " + node.str();
    return named;
}

}  // namespace steward::pve::detail
