#include "pve/https_transport.hpp"

#include "base/log.hpp"
#include "pve/detours.hpp"
#include "pve/endpoints.hpp"
#include "pve/http_meaning.hpp"
#include "runtime/byte_stream.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <optional>

namespace steward::pve {
namespace asio = boost::asio;

namespace {

net::http_request to_http(const request& call) {
    net::http_request out(http_method(call.what), "/api2/json" + call.path);
    out.headers.emplace_back("Accept", "application/json");
    const std::string form = form_encode(call.params);
    if (call.what == verb::get || call.what == verb::remove) {
        if (!form.empty()) out.target += "?" + form;
    } else {
        out.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        out.body = form;
    }
    return out;
}

net::streamed_request to_http(const request& call, const streams& with) {
    net::http_request head(http_method(call.what), "/api2/json" + call.path);
    const std::string form = form_encode(call.params);
    if (!form.empty()) head.target += "?" + form;
    if (with.body) head.headers.emplace_back("Content-Type", with.body_type);
    net::streamed_request out(std::move(head));
    out.body = with.body;
    out.answer = with.answer;
    out.most = with.most;
    out.patience = with.patience;
    out.moving = with.moving;
    return out;
}

bool is_redirect(int status) { return status >= 300 && status < 400; }

/// Never followed: whoever redirects the API is not PVE, and must not get the credentials.
fault redirected(const net::http_response& answer) {
    const std::string target = answer.header("Location");
    return fault(
        errc::garbage, "",
        fmt::format("status {} sends us to {}: this is not the API of a node", answer.status,
                    target.empty() ? "nowhere" : target.substr(0, std::min(target.find('?'), std::size_t{200}))));
}

}  // namespace

struct https_transport::state : std::enable_shared_from_this<state> {
    state(time_source& t, random_source& chance, std::unique_ptr<http_exchange> w, credentials who, https_options o)
        : time(t),
          way(std::move(w)),
          health(way->size(), chance),
          trace(std::move(o.trace)),
          door(t, std::move(who),
               [this](request call, time_point deadline) { return ask_door(std::move(call), deadline); }) {
        for (std::size_t i = 0; i < way->size(); ++i) limits.emplace_back(t, o.limits);
    }

    asio::awaitable<result<net::http_response>> ask_door(request call, time_point deadline) {
        // Asking for a ticket changes nothing: as harmless as a GET.
        return send_somewhere(to_http(call), {}, true, deadline);
    }

    /// One endpoint after the other, the best first.
    asio::awaitable<result<net::http_response>> send_somewhere(net::http_request http, std::string node,
                                                               bool repeatable, time_point deadline) {
        fault last(errc::unavailable, "", "no endpoint is configured");
        std::optional<net::http_response> answered;
        std::vector<std::size_t> silent;
        const std::vector<std::size_t> order = ways.sorted(health.at(time.now()), node, time.now());
        for (std::size_t i = 0; i < order.size(); ++i) {
            const std::size_t at = order[i];
            // A fair part of what is left, so that a silent first one leaves time for the next.
            const time_point now = time.now();
            const time_point share = now + (deadline - now) / static_cast<std::int64_t>(order.size() - i);
            auto place = co_await limits[at].enter(share);
            if (!place) {
                last = fault(place.error().code, way->label(at), place.error().detail);
                continue;
            }
            net::http_request copy = http;
            const time_point began = time.now();
            const time_point limit = repeatable ? share : deadline;
            auto got = co_await way->send(at, std::move(copy), share, limit);
            note(record_of(http, got, trace.bodies), at, began);
            if (got) {
                for (const std::size_t other : silent) note_bad(other);
                const bool is_detour = ways.is_closed(health.preferred(), node, time.now());
                if (!is_detour) note_good(at);
                if (is_redirect(got->status)) co_return redirected(*got);
                ways.note(at, node, !is_about_node(got->status), time.now());
                const bool may_repeat = detours::may_repeat(got->status, repeatable);
                if (!may_repeat || i + 1 == order.size() || !may_have_way(order[i + 1], node)) co_return got;
                answered = std::move(*got);
                continue;
            }
            last = got.error();
            if (is_not_delivered(last.code) || !repeatable)
                note_bad(at);
            else
                silent.push_back(at);  // the call may be to blame, until another endpoint answers it
            if (!repeatable && !is_not_delivered(last.code)) break;
            if (time.now() >= deadline) break;
        }
        if (answered) co_return std::move(*answered);
        co_return last;
    }

    /// To a node that somebody else has no way to.
    [[nodiscard]] bool may_have_way(std::size_t at, const std::string& node) const {
        return !node.empty() && !ways.is_closed(at, node, time.now()) && !health.is_resting(at, time.now());
    }

    /// The same for bodies that are read or written once only.
    asio::awaitable<result<net::http_response>> stream_somewhere(net::streamed_request http) {
        fault last(errc::unavailable, "", "no endpoint is configured");
        const std::vector<std::size_t> order = health.at(time.now());
        const time_point deadline = time.now() + http.patience;
        for (std::size_t i = 0; i < order.size(); ++i) {
            const std::size_t at = order[i];
            const time_point now = time.now();
            const time_point share = now + (deadline - now) / static_cast<std::int64_t>(order.size() - i);
            auto place = co_await limits[at].enter(share);
            if (!place) {
                last = fault(place.error().code, way->label(at), place.error().detail);
                continue;
            }
            net::streamed_request copy = http;
            const auto moved = std::make_shared<std::uint64_t>(0);
            copy.moving = count_into(moved, http.moving);
            const time_point began = time.now();
            auto got = co_await way->stream(at, std::move(copy), share);
            wire_record seen = record_of(http.head, got, trace.bodies);
            (http.body ? seen.sent : seen.received) = *moved;
            note(std::move(seen), at, began);
            if (got) {
                note_good(at);
                if (is_redirect(got->status)) co_return redirected(*got);
                co_return got;
            }
            last = got.error();
            if (!is_not_delivered(last.code)) break;
            note_bad(at);
        }
        co_return last;
    }

    static std::function<void(std::uint64_t)> count_into(std::shared_ptr<std::uint64_t> moved,
                                                         std::function<void(std::uint64_t)> next) {
        return [moved, next](std::uint64_t n) {
            *moved = n;
            if (next) next(n);
        };
    }

    void note(wire_record seen, std::size_t at, time_point began) {
        if (!trace.sink) return;
        seen.endpoint = way->label(at);
        seen.took = time.now() - began;
        trace.sink(seen);
    }

    void note_good(std::size_t at) {
        const std::size_t before = health.preferred();
        health.note_good(at);
        if (at != before) log::info("pve.endpoint", {{"from", way->label(before)}, {"to", way->label(at)}});
    }

    void note_bad(std::size_t at) { health.note_bad(at, time.now()); }

    static void add(net::http_headers& to, net::http_headers more) {
        for (auto& header : more) to.push_back(std::move(header));
    }

    asio::awaitable<result<net::http_response>> authorised(request call, time_point deadline) {
        const bool is_write = call.what != verb::get;
        for (bool is_second = false;; is_second = true) {
            const auto shown = co_await door.enter(deadline);
            if (!shown) co_return shown.error();
            net::http_request http = to_http(call);
            add(http.headers, shown->headers(is_write));
            std::string node = detours::node_of(call.path);
            auto got = co_await send_somewhere(std::move(http), std::move(node), !is_write, deadline);
            if (!got || got->status != 401 || is_second || !door.refused(*shown)) co_return got;
        }
    }

    asio::awaitable<result<net::http_response>> authorised_stream(request call, streams with) {
        for (bool is_second = false;; is_second = true) {
            const time_point limit = time.now() + with.patience;
            const auto shown = co_await door.enter(limit);
            if (!shown) co_return shown.error();
            net::streamed_request http = to_http(call, with);
            add(http.head.headers, shown->headers(call.what != verb::get));
            auto got = co_await stream_somewhere(std::move(http));
            if (!got || got->status != 401 || is_second || !door.refused(*shown)) co_return got;
            // What was read from the source is gone; whoever owns it may begin again, with a new ticket.
            if (with.body) co_return got;
        }
    }

    [[nodiscard]] result<reply> finished(result<net::http_response> got, const request& call) const {
        if (!got) {
            const std::string where = fmt::format("pve {} {}", http_method(call.what), call.path);
            fault why(got.error().code, where, got.error().text());
            why.http_status = got.error().http_status;
            return why;
        }
        reply answer;
        answer.status = got->status;
        answer.reason = std::move(got->reason);
        answer.body = std::move(got->body);
        answer.retry_after = parse_retry_after(got->header("Retry-After"), time.wall_now());
        return answer;
    }

    time_source& time;
    std::unique_ptr<http_exchange> way;
    endpoint_order health;
    detours ways;
    std::vector<throttle> limits;
    wire_trace trace;
    login door;
};

https_transport::https_transport(time_source& time, random_source& chance, std::unique_ptr<http_exchange> way,
                                 credentials who, https_options options)
    : state_(std::make_shared<state>(time, chance, std::move(way), std::move(who), std::move(options))) {}

https_transport::https_transport(asio::any_io_executor executor, time_source& time, random_source& chance,
                                 net::resolver& names, std::vector<net::http_endpoint> endpoints, credentials who,
                                 https_options options)
    : https_transport(time, chance,
                      make_socket_exchange(std::move(executor), time, names, std::move(endpoints),
                                           [&] {
                                               net::http_client_options o;
                                               o.max_connections = options.limits.in_flight;
                                               return o;
                                           }()),
                      std::move(who), options) {}

https_transport::~https_transport() = default;

asio::awaitable<result<reply>> https_transport::send(request call, time_point deadline) {
    const auto s = state_;
    request copy = call;
    auto got = co_await s->authorised(std::move(copy), deadline);
    co_return s->finished(std::move(got), call);
}

asio::awaitable<result<reply>> https_transport::stream(request call, streams with) {
    const auto s = state_;
    request copy = call;
    auto got = co_await s->authorised_stream(std::move(copy), std::move(with));
    co_return s->finished(std::move(got), call);
}

}  // namespace steward::pve
