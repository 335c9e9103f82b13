#include "sim/connection_names.hpp"

namespace steward::sim {

namespace {

constexpr duration connection_lasts = std::chrono::seconds(60);

}  // namespace

boost::asio::awaitable<result<void>> connection_names::find(node_name node, time_point deadline) {
    if (from == nullptr || time_.now() < connected_until_[node]) co_return result<void>();
    const auto found = co_await from->resolve(node.str(), net::address_family::any, deadline);
    if (!found) co_return found.error();
    connected_until_[node] = time_.now() + connection_lasts;
    co_return result<void>();
}

}  // namespace steward::sim
