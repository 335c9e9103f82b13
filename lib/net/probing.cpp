#include "net/probing.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>

namespace steward::net::probing {

std::optional<std::string> own_trouble(const boost::system::error_code& ec) {
    switch (ec.value()) {
        // No way out of this node, or no resources on it: that says nothing about the guest (reliability I9).
        case ENETUNREACH:
        case ENETDOWN:
        case EADDRNOTAVAIL:
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case EACCES:
        case EPERM:
        case EAFNOSUPPORT: return "cannot look: " + ec.message();
        default: return std::nullopt;
    }
}

std::string silence(duration limit) { return "no answer within " + format_duration(limit); }

void recorder::phase(std::string name) {
    const time_point now = time_.now();
    result_.phases.emplace_back(std::move(name), now - phase_began_);
    phase_began_ = now;
}

probe_result recorder::finish(verdict answer, std::string reason) {
    result_.answer = answer;
    result_.reason = std::move(reason);
    result_.took = time_.now() - began_;
    return std::move(result_);
}

boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> addresses_of(resolver& names, std::string host,
                                                                                   address_family family, time_point deadline,
                                                                                   recorder& notes) {
    boost::system::error_code ec;
    const auto literal = boost::asio::ip::make_address(host, ec);
    if (!ec) co_return std::vector{literal};
    auto found = co_await names.resolve(std::move(host), family, deadline);
    notes.phase("resolve");
    co_return found;
}

}  // namespace steward::net::probing
