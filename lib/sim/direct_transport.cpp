#include "sim/direct_transport.hpp"

#include "sim/api.hpp"

#include <algorithm>

namespace steward::sim {
namespace asio = boost::asio;

namespace {

api::reply execute(cluster& model, time_source& time, const node_name& node, const pve::request& call,
                   const std::string& token) {
    model.advance_to(time.now());
    api::request what(node, pve::http_method(call.what), call.path);
    what.params = call.params;
    what.who.authorization = "PVEAPIToken=" + token;
    return api::handle(model, what);
}

}  // namespace

std::string failover_token() { return std::string(failover_token_id) + "=" + failover_token_secret; }

direct_transport::direct_transport(cluster& model, time_source& time, std::string token,
                                   std::vector<node_name> endpoints)
    : model_(model), time_(time), token_(std::move(token)), endpoints_(std::move(endpoints)) {
    if (endpoints_.empty()) endpoints_ = model.configured().nodes;
}

asio::awaitable<result<pve::reply>> direct_transport::ask(node_name node, pve::request call, time_point deadline) {
    model_.advance_to(time_.now());
    const sim_node* n = model_.find_node(node);
    if (n == nullptr || !n->reachable()) {
        const time_point give_up = std::min(deadline, time_.now() + connect_limit);
        co_await time_.sleep_until(give_up);
        co_return fault(errc::not_delivered, "connect " + node.str(), "no route to host");
    }
    const time_point arrives = time_.now() + latency / 2;
    if (arrives >= deadline) co_return fault(errc::not_delivered, "send", "no time left");
    co_await time_.sleep_until(arrives);
    const api::reply answer = execute(model_, time_, node, call, token_);
    const time_point answered = arrives + answer.delay + latency / 2;
    if (answer.what_happens == api::reply::fate::hang || answered > deadline) {
        co_await time_.sleep_until(deadline);
        co_return fault(errc::outcome_unknown, pve::http_method(call.what) + (" " + call.path), "no answer in time");
    }
    co_await time_.sleep_until(answered);
    if (answer.what_happens == api::reply::fate::drop)
        co_return fault(errc::outcome_unknown, pve::http_method(call.what) + (" " + call.path), "connection closed");
    pve::reply out;
    out.status = answer.status;
    out.reason = answer.reason;
    out.body = answer.body;
    co_return out;
}

asio::awaitable<result<pve::reply>> direct_transport::send(pve::request call, time_point deadline) {
    result<pve::reply> last = fault(errc::unavailable, "send", "no endpoint");
    for (const node_name& node : endpoints_) {
        node_name endpoint = node;
        pve::request copy = call;
        last = co_await ask(std::move(endpoint), std::move(copy), deadline);
        if (last || last.error().code != errc::not_delivered) break;
    }
    co_return last;
}

}  // namespace steward::sim
