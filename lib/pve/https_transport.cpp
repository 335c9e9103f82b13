#include "pve/https_transport.hpp"

#include "base/log.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <fmt/core.h>
#include <optional>

namespace steward::pve {
namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// A ticket lives two hours; PVE's key rotation can shorten that (pve-facts A.2).
constexpr duration ticket_renewal = 1h;

class ticket {
  public:
    std::string cookie;
    std::string csrf;
    time_point since{};
};

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

result<ticket> read_ticket(const net::http_response& answer, time_point now) {
    const fault refused(errc::unauthorized, "pve POST /access/ticket",
                        answer.status == 401 ? "user name or password is wrong" : answer.reason);
    if (answer.status != 200) return refused;
    boost::system::error_code ec;
    const json::value body = json::parse(answer.body, ec);
    const json::value* data = ec || !body.is_object() ? nullptr : body.get_object().if_contains("data");
    if (!data || !data->is_object()) return fault(errc::garbage, "pve POST /access/ticket", "no ticket in the answer");
    const json::object& row = data->get_object();
    const json::value* cookie = row.if_contains("ticket");
    const json::value* csrf = row.if_contains("CSRFPreventionToken");
    if (row.if_contains("NeedTFA"))
        return fault(errc::unauthorized, "pve POST /access/ticket",
                     "the user has a second factor, which a daemon cannot answer; use an API token");
    if (!cookie || !cookie->is_string() || !csrf || !csrf->is_string())
        return fault(errc::garbage, "pve POST /access/ticket", "no ticket in the answer");
    ticket t;
    t.cookie = percent_encode(std::string_view(cookie->get_string()));
    t.csrf = std::string(csrf->get_string());
    t.since = now;
    return t;
}

}  // namespace

struct https_transport::state {
    state(asio::any_io_executor executor, time_source& t, net::resolver& names,
          std::vector<net::http_endpoint> endpoints, credentials w)
        : time(t), who(std::move(w)) {
        const net::http_client_options options;
        for (net::http_endpoint& e : endpoints) {
            labels.push_back(fmt::format("{}:{}", e.host, e.port));
            clients.push_back(std::make_unique<net::http_client>(executor, t, names, std::move(e), options));
        }
    }

    /// One endpoint after the other, beginning with the one that worked last.
    asio::awaitable<result<net::http_response>> send_somewhere(net::http_request http, bool repeatable,
                                                               time_point deadline) {
        fault last(errc::unavailable, "pve", "no endpoint is configured");
        const std::size_t count = clients.size();
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t at = (preferred + i) % count;
            // Each endpoint gets a fair part of what is left, so that a silent first one leaves time for the next.
            const duration left = deadline - time.now();
            const auto share = static_cast<std::int64_t>(count - i);
            const time_point limit = time.now() + left / (repeatable ? share : 1);
            net::http_request copy = http;
            auto got = co_await clients[at]->send(std::move(copy), limit);
            if (got) {
                note_good(at);
                co_return got;
            }
            last = fault(got.error().code, "pve " + labels[at], got.error().text());
            if (!repeatable && !is_not_delivered(last.code)) co_return last;
            if (time.now() >= deadline) break;
        }
        co_return last;
    }

    void note_good(std::size_t at) {
        if (at == preferred) return;
        log::info("pve.endpoint", {{"from", labels[preferred]}, {"to", labels[at]}});
        preferred = at;
    }

    asio::awaitable<result<void>> log_in(time_point deadline) {
        // A still valid ticket may be used as the password, which spares the secret and TFA (pve-facts A.2).
        request call(verb::create, "/access/ticket", {});
        call.params.emplace_back("username", who.user);
        call.params.emplace_back("password", who.password);
        auto got = co_await send_somewhere(to_http(call), true, deadline);
        if (!got) co_return got.error();
        auto fresh = read_ticket(*got, time.now());
        if (!fresh) co_return fresh.error();
        session = std::move(*fresh);
        co_return result<void>();
    }

    asio::awaitable<result<net::http_response>> authorised(const request& call, time_point deadline) {
        if (who.token.empty() && (!session || time.now() - session->since >= ticket_renewal)) {
            const auto in = co_await log_in(deadline);
            if (!in) co_return in.error();
        }
        net::http_request http = to_http(call);
        if (!who.token.empty()) {
            http.headers.emplace_back("Authorization", "PVEAPIToken=" + who.token);
        } else {
            http.headers.emplace_back("Cookie", "PVEAuthCookie=" + session->cookie);
            if (call.what != verb::get) http.headers.emplace_back("CSRFPreventionToken", session->csrf);
        }
        auto got = co_await send_somewhere(std::move(http), call.what == verb::get, deadline);
        co_return got;
    }

    time_source& time;
    credentials who;
    std::vector<std::unique_ptr<net::http_client>> clients;
    std::vector<std::string> labels;
    std::size_t preferred = 0;
    std::optional<ticket> session;
};

https_transport::https_transport(asio::any_io_executor executor, time_source& time, net::resolver& names,
                                 std::vector<net::http_endpoint> endpoints, credentials who)
    : state_(std::make_shared<state>(std::move(executor), time, names, std::move(endpoints), std::move(who))) {}

https_transport::~https_transport() = default;

asio::awaitable<result<reply>> https_transport::send(request call, time_point deadline) {
    const auto s = state_;
    const std::string where = fmt::format("pve {} {}", http_method(call.what), call.path);
    auto got = co_await s->authorised(call, deadline);
    if (got && got->status == 401 && s->who.token.empty()) {
        // The ticket may have died early (key rotation): log in once more. A 401 was never executed (pve-facts M1).
        s->session.reset();
        got = co_await s->authorised(call, deadline);
    }
    if (!got) co_return fault(got.error().code, where, got.error().text());
    reply answer;
    answer.status = got->status;
    answer.reason = std::move(got->reason);
    answer.body = std::move(got->body);
    co_return answer;
}

}  // namespace steward::pve
