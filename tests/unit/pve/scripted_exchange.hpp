#pragma once
#include "pve/exchange.hpp"
#include "runtime/sim_time.hpp"

#include <fmt/core.h>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace steward::pve {

/// Several servers in virtual time: each answers after `latency` what `answer` says, or behaves as it was told.
class scripted_exchange final : public http_exchange {
  public:
    enum class mood { answers, refuses, silent, hung };  ///< silent: no connection; hung: connected, no answer

    scripted_exchange(time_source& t, std::size_t count) : time(t), moods(count, mood::answers) {
        for (std::size_t i = 0; i < count; ++i) labels_.push_back("n" + std::to_string(i + 1) + ":8006");
    }

    [[nodiscard]] std::size_t size() const override { return moods.size(); }
    [[nodiscard]] const std::string& label(std::size_t endpoint) const override { return labels_[endpoint]; }

    boost::asio::awaitable<result<net::http_response>> send(std::size_t endpoint, net::http_request request,
                                                            time_point connect_by, time_point deadline) override {
        const busy_mark mark(*this);
        tried.push_back(endpoint);
        begun.push_back(time.now());
        const mood how = moods[endpoint];
        if (how == mood::refuses) co_return fault(errc::not_delivered, labels_[endpoint], "Connection refused");
        if (how == mood::silent) {
            const time_point limit = std::min({connect_by, deadline, time.now() + std::chrono::seconds(3)});
            co_await time.sleep_until(limit);
            co_return fault(errc::not_delivered, labels_[endpoint], "no connection in time");
        }
        requests.push_back(request);
        if (how == mood::hung) {
            co_await time.sleep_until(deadline);
            co_return fault(errc::outcome_unknown, labels_[endpoint], "no complete answer in time");
        }
        net::http_response out = answer(endpoint, request);
        co_await time.sleep_for(latency);
        co_return out;
    }
    boost::asio::awaitable<result<net::http_response>> stream(std::size_t endpoint, net::streamed_request request,
                                                              time_point connect_by) override {
        const time_point deadline = time.now() + request.patience;
        return send(endpoint, std::move(request.head), connect_by, deadline);
    }

    static net::http_response respond(int status, std::string reason, std::string body = {}) {
        net::http_response out;
        out.status = status;
        out.reason = std::move(reason);
        out.body = std::move(body);
        return out;
    }

    time_source& time;
    std::vector<mood> moods;
    duration latency = std::chrono::milliseconds(10);
    std::function<net::http_response(std::size_t endpoint, const net::http_request&)> answer =
        [](std::size_t, const net::http_request&) { return respond(200, "OK", R"({"data":null})"); };
    std::vector<std::size_t> tried;
    std::vector<time_point> begun;
    std::vector<net::http_request> requests;  ///< those that arrived
    std::size_t busy = 0;
    std::size_t most_busy = 0;

  private:
    struct busy_mark {
        explicit busy_mark(scripted_exchange& o) : of(o) { of.most_busy = std::max(of.most_busy, ++of.busy); }
        ~busy_mark() { --of.busy; }
        busy_mark(const busy_mark&) = delete;
        busy_mark& operator=(const busy_mark&) = delete;
        scripted_exchange& of;
    };
    std::vector<std::string> labels_;
};

inline std::string header_of(const net::http_request& request, const std::string& name) {
    for (const auto& [key, value] : request.headers)
        if (key == name) return value;
    return {};
}

/// Value of a field of a form, as it was sent.
inline std::string form_field(const std::string& form, const std::string& name) {
    const std::string text = "&" + form + "&";
    const std::size_t at = text.find("&" + name + "=");
    if (at == std::string::npos) return {};
    const std::size_t from = at + name.size() + 2;
    return text.substr(from, text.find('&', from) - from);
}

}  // namespace steward::pve
