#include "net/probing.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>

namespace steward::net::probing {

namespace {

/// Answers of the other side, or of the network on its behalf. EHOSTUNREACH is what a guest that left its bridge looks
/// like (nobody answers ARP) as soon as the limit is longer than the kernel's three seconds of asking.
constexpr std::array answers = {ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, EHOSTDOWN};

boost::system::error_code of_system(int number) { return {number, boost::system::system_category()}; }

}  // namespace

std::optional<std::string> own_trouble(const boost::system::error_code& ec) {
    const auto same = [&ec](int number) { return ec == of_system(number); };
    if (std::any_of(answers.begin(), answers.end(), same)) return std::nullopt;
    return "cannot look: " + in_words(ec);
}

std::optional<std::string> own_trouble(const fault& f) {
    if (f.code != errc::not_delivered || f.where != "connect") return std::nullopt;
    const auto same = [&f](int number) { return f.detail == of_system(number).message(); };
    if (std::any_of(answers.begin(), answers.end(), same)) return std::nullopt;
    return "cannot look: " + in_words(f.detail);
}

std::string in_words(const boost::system::error_code& ec) { return in_words(ec.message()); }

std::string in_words(std::string system_text) {
    const auto is = [&](std::size_t at, int (*kind)(int)) {
        return at < system_text.size() && kind(static_cast<unsigned char>(system_text[at])) != 0;
    };
    // Not "TLS…" or "DNS…".
    if (is(0, std::isupper) && !is(1, std::isupper))
        system_text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(system_text[0])));
    return system_text;
}

time_point share_of(time_point now, time_point deadline, std::size_t addresses_left) {
    return now + (deadline - now) / static_cast<std::int64_t>(std::max<std::size_t>(addresses_left, 1));
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
                                                                                   address_family family,
                                                                                   time_point deadline,
                                                                                   recorder& notes) {
    boost::system::error_code ec;
    const auto literal = boost::asio::ip::make_address(host, ec);
    if (!ec) co_return std::vector{literal};
    auto found = co_await names.resolve(std::move(host), family, deadline);
    notes.phase("resolve");
    co_return found;
}

}  // namespace steward::net::probing
