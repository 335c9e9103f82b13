#include "net/http_exchange.hpp"
#include "net/probing.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <unistd.h>

namespace steward::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t most_body = 64U << 10U;

/// Answers what has been resolved already, so that the name is looked up once per attempt and TLS still sees the name.
class known_addresses final : public resolver {
  public:
    explicit known_addresses(std::vector<asio::ip::address> found) : found_(std::move(found)) {}
    asio::awaitable<result<std::vector<asio::ip::address>>> resolve(std::string, address_family, time_point) override {
        co_return found_;
    }

  private:
    std::vector<asio::ip::address> found_;
};

std::string wanted(const std::vector<std::pair<int, int>>& ranges) {
    std::string out;
    for (const auto& [low, high] : ranges)
        out += fmt::format("{}{}", out.empty() ? "" : ",",
                           low == high ? std::to_string(low) : fmt::format("{}-{}", low, high));
    return out;
}

class http_prober final : public prober {
  public:
    http_prober(http_check check, time_source& time, resolver& names)
        : check_(std::move(check)), time_(time), names_(names) {}

    asio::awaitable<probe_result> run() override {
        probing::recorder notes(time_);
        const time_point deadline = time_.now() + check_.timeout;
        auto addresses =
            co_await probing::addresses_of(names_, check_.where.host, address_family::any, deadline, notes);
        if (!addresses) co_return notes.finish(verdict::unknown, addresses.error().text());
        // A trust anchor of ours that is gone says nothing about the service.
        const std::string& ca_file = check_.where.trust.ca_file;
        if (check_.where.tls && !ca_file.empty() && ::access(ca_file.c_str(), R_OK) != 0)
            co_return notes.finish(verdict::unknown, fmt::format("cannot read {}: {}", ca_file, std::strerror(errno)));
        known_addresses known(std::move(*addresses));
        http_request request("GET", check_.path);
        request.headers.emplace_back("Host", check_.host_header);
        request.headers.emplace_back("User-Agent", "steward");
        request.headers.emplace_back("Accept", "*/*");
        exchange_times times;
        const auto answer =
            co_await fetch_once(time_, known, check_.where, std::move(request), deadline, most_body, times);
        probe_result out = answer ? judge(answer->status, notes) : explain(answer.error(), notes);
        if (times.connect != duration::zero()) out.phases.emplace_back("connect", times.connect);
        if (times.tls != duration::zero()) out.phases.emplace_back("tls", times.tls);
        if (times.first_byte != duration::zero()) out.phases.emplace_back("first_byte", times.first_byte);
        co_return out;
    }

  private:
    probe_result judge(int status, probing::recorder& notes) const {
        for (const auto& [low, high] : check_.good_status)
            if (status >= low && status <= high)
                return notes.finish(verdict::healthy, fmt::format("status {}", status));
        return notes.finish(verdict::unhealthy,
                            fmt::format("status {}, wanted {}", status, wanted(check_.good_status)));
    }

    probe_result explain(const fault& f, probing::recorder& notes) const {
        if (const auto trouble = probing::own_trouble(f)) return notes.finish(verdict::unknown, *trouble);
        switch (f.code) {
            case errc::timed_out: return notes.finish(verdict::unhealthy, probing::silence(check_.timeout));
            case errc::garbage: return notes.finish(verdict::unhealthy, "does not speak HTTP");
            case errc::unavailable: return notes.finish(verdict::unknown, f.detail);
            default: return notes.finish(verdict::unhealthy, probing::in_words(f.detail));
        }
    }

    http_check check_;
    time_source& time_;
    resolver& names_;
};

}  // namespace

std::unique_ptr<prober> make_prober(http_check check, time_source& time, resolver& names) {
    return std::make_unique<http_prober>(std::move(check), time, names);
}

}  // namespace steward::net
