#include "sim/direct_transport.hpp"

#include "pve/http_meaning.hpp"
#include "sim/api/api.hpp"

#include <algorithm>

namespace steward::sim {
namespace asio = boost::asio;

namespace {

api::request request_of(const node_name& node, const pve::request& call, const std::string& token) {
    api::request what(node, pve::http_method(call.what), call.path);
    what.params = call.params;
    what.who.authorization = "PVEAPIToken=" + token;
    return what;
}

/// The node goes on with a waiting request whether or not anybody still listens.
void finish_later(cluster& model, api::request what, duration pause) {
    model.at(model.now() + pause, [&model, what]() mutable {
        const api::reply answer = api::handle(model, what);
        if (answer.what_happens == api::reply::fate::again) finish_later(model, what, answer.delay);
    });
}

}  // namespace

std::string failover_token() { return std::string(failover_token_id) + "=" + failover_token_secret; }

direct_transport::direct_transport(cluster& model, time_source& time, std::string token,
                                   std::vector<node_name> endpoints)
    : names(time), model_(model), time_(time), token_(std::move(token)), endpoints_(std::move(endpoints)) {
    if (endpoints_.empty()) endpoints_ = model.configured().nodes;
    for (std::size_t i = 0; i < endpoints_.size(); ++i) order_.push_back(i);
}

asio::awaitable<result<pve::reply>> direct_transport::ask(node_name node, pve::request call, time_point deadline) {
    const auto found = co_await names.find(node, deadline);
    if (!found) co_return found.error();
    model_.advance_to(time_.now());
    const sim_node* n = model_.find_node(node);
    const bool has_way = n != nullptr && (origin ? model_.can_reach(*origin, node) : n->reachable());
    if (!has_way || n->pveproxy == service::stopped) {
        const time_point give_up = std::min(deadline, time_.now() + connect_limit);
        co_await time_.sleep_until(give_up);
        co_return fault(errc::not_delivered, "connect " + node.str(), "no route to host");
    }
    const time_point arrives = time_.now() + latency / 2;
    if (arrives >= deadline) co_return fault(errc::not_delivered, "send", "no time left");
    co_await time_.sleep_until(arrives);
    api::request what = request_of(node, call, token_);
    model_.advance_to(time_.now());
    api::reply answer = api::handle(model_, what);
    while (answer.what_happens == api::reply::fate::again) {
        if (time_.now() + answer.delay > deadline) {
            finish_later(model_, what, answer.delay);
            break;
        }
        co_await time_.sleep_for(answer.delay);
        model_.advance_to(time_.now());
        answer = api::handle(model_, what);
    }
    const time_point answered = time_.now() + answer.delay + latency / 2;
    const bool is_unheard = answer.what_happens == api::reply::fate::hang ||
                            answer.what_happens == api::reply::fate::again ||
                            answer.what_happens == api::reply::fate::stall;
    if (is_unheard || answered > deadline) {
        co_await time_.sleep_until(deadline);
        co_return fault(errc::outcome_unknown, pve::http_method(call.what) + (" " + call.path), "no answer in time");
    }
    co_await time_.sleep_until(answered);
    if (answer.what_happens == api::reply::fate::flood)
        co_return fault(errc::garbage, pve::http_method(call.what) + (" " + call.path), "an answer without an end");
    if (answer.what_happens == api::reply::fate::drop || answer.what_happens == api::reply::fate::truncate)
        co_return fault(errc::outcome_unknown, pve::http_method(call.what) + (" " + call.path), "connection closed");
    pve::reply out;
    out.status = answer.status;
    out.reason = answer.reason;
    out.body = answer.body;
    co_return out;
}

asio::awaitable<result<pve::reply>> direct_transport::send(pve::request call, time_point deadline) {
    result<pve::reply> last = fault(errc::unavailable, "send", "no endpoint");
    std::optional<pve::reply> answered;
    const std::string about = pve::detours::node_of(call.path);
    const std::vector<std::size_t> order = ways_.sorted(order_, about, time_.now());
    for (std::size_t i = 0; i < order.size(); ++i) {
        node_name endpoint = endpoints_[order[i]];
        pve::request copy = call;
        last = co_await ask(std::move(endpoint), std::move(copy), deadline);
        if (!last && last.error().code != errc::not_delivered) break;
        ways_.note(order[i], about, last && !pve::is_about_node(last->status), time_.now());
        if (!last) continue;
        const bool may_repeat = pve::detours::may_repeat(last->status, call.what == pve::verb::get);
        const bool has_other = i + 1 < order.size() && !ways_.is_closed(order[i + 1], about, time_.now());
        if (!may_repeat || !has_other || about.empty()) co_return last;
        answered = *last;
    }
    if (answered && !last) co_return std::move(*answered);
    co_return last;
}

}  // namespace steward::sim
