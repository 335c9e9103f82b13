#include "sim/model_exchange.hpp"

#include "sim/front/wire.hpp"

#include <algorithm>

namespace steward::sim {
namespace asio = boost::asio;

namespace {

net::http_response to_response(net::server_reply reply) {
    net::http_response out;
    out.status = reply.status;
    out.reason = std::move(reply.reason);
    out.headers = std::move(reply.headers);
    out.body = std::move(reply.body);
    return out;
}

}  // namespace

model_exchange::model_exchange(cluster& model, time_source& time, node_name origin, std::vector<node_name> endpoints)
    : names(time), model_(model), time_(time), origin_(std::move(origin)), endpoints_(std::move(endpoints)) {}

asio::awaitable<result<void>> model_exchange::connect(std::size_t endpoint, time_point connect_by) {
    const auto found = co_await names.find(endpoints_[endpoint], connect_by);
    if (!found) co_return found.error();
    model_.advance_to(time_.now());
    const sim_node* n = model_.find_node(endpoints_[endpoint]);
    if (n != nullptr && model_.can_reach(origin_, endpoints_[endpoint]) && n->pveproxy != service::stopped)
        co_return result<void>();
    const time_point give_up = std::min(connect_by, time_.now() + connect_limit);
    co_await time_.sleep_until(give_up);
    co_return fault(errc::not_delivered, label(endpoint), "no route to host");
}

asio::awaitable<result<net::http_response>> model_exchange::send(std::size_t endpoint, net::http_request request,
                                                                 time_point connect_by, time_point deadline) {
    const auto connected = co_await connect(endpoint, connect_by);
    if (!connected) co_return connected.error();
    co_await time_.sleep_for(latency / 2);
    model_.advance_to(time_.now());
    const time_point arrived = model_.now();
    wire::answer given = wire::serve(model_, endpoints_[endpoint], request);
    while (given.again && time_.now() + given.delay <= deadline) {
        co_await time_.sleep_for(given.delay);
        model_.advance_to(time_.now());
        given = wire::serve(model_, endpoints_[endpoint], request, arrived);
    }
    const time_point answered = time_.now() + given.delay + latency / 2;
    if (given.hangs || given.again || answered > deadline) {
        co_await time_.sleep_until(deadline);
        co_return fault(errc::outcome_unknown, label(endpoint), "no complete answer in time");
    }
    co_await time_.sleep_until(answered);
    const bool is_whole = !given.reply.drop_connection && given.reply.raw.empty() && !given.reply.pieces;
    if (!is_whole) co_return fault(errc::outcome_unknown, label(endpoint), "connection closed");
    co_return to_response(std::move(given.reply));
}

asio::awaitable<result<net::http_response>> model_exchange::stream(std::size_t endpoint, net::streamed_request request,
                                                                   time_point /*connect_by*/) {
    co_return fault(errc::unsupported, label(endpoint) + request.head.target, "files are not moved in virtual time");
}

}  // namespace steward::sim
