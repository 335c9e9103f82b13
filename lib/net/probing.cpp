#include "net/probing.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <fmt/core.h>

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

std::string shown(std::string_view bytes) {
    constexpr std::size_t most = 80;
    std::string out;
    for (const char c : bytes.substr(0, most)) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '\r')
            out += "\\r";
        else if (c == '\n')
            out += "\\n";
        else if (code < 0x20 || code >= 0x7f)
            out += fmt::format("\\x{:02x}", code);
        else
            out += c;
    }
    return bytes.size() > most ? out + "…" : out;
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

void recorder::detail(std::string name, std::string text) {
    if (is_explained_) result_.details.emplace_back(std::move(name), std::move(text));
}

namespace {

/// Addresses that API servers have whose names are no addresses themselves. One that does not resolve is no reason
/// against a probe: then nobody can be mistaken for it either.
boost::asio::awaitable<addresses> addresses_of_apis(resolver& names, const target_rules& rules, std::uint16_t port,
                                                    time_point deadline) {
    addresses all;
    for (const std::string& name : rules.api_names(port)) {
        std::string asked = name;
        const auto found = co_await names.resolve(std::move(asked), address_family::any, deadline);
        if (found) all.insert(all.end(), found->begin(), found->end());
    }
    co_return all;
}

}  // namespace

boost::asio::awaitable<result<addresses>> permitted(resolver& names, const target& whom, addresses found,
                                                    const target_rules* rules, time_point deadline) {
    if (rules == nullptr) co_return found;
    addresses good;
    std::optional<std::string> why;
    const addresses apis = co_await addresses_of_apis(names, *rules, whom.port, deadline);
    for (const auto& a : found) {
        const std::string text = a.to_string();
        auto refused = rules->refusal(whom.host, text, whom.port);
        if (!refused && std::find(apis.begin(), apis.end(), a) != apis.end())
            refused = rules->refusal_as_api(whom.host, text, whom.port);
        if (refused)
            why = std::move(refused);
        else
            good.push_back(a);
    }
    if (good.empty() && why) co_return fault(errc::invalid, "", *why);
    co_return good;
}

boost::asio::awaitable<result<addresses>> addresses_of(resolver& names, target whom, const target_rules* rules,
                                                       time_point deadline, recorder& notes) {
    boost::system::error_code ec;
    addresses found;
    const auto literal = boost::asio::ip::make_address(whom.host, ec);
    if (!ec) {
        found.push_back(literal);
    } else {
        std::string asked = whom.host;
        auto answer = co_await names.resolve(std::move(asked), whom.family, deadline);
        notes.phase("resolve");
        if (!answer) co_return answer.error();
        found = std::move(*answer);
    }
    auto good = co_await permitted(names, whom, std::move(found), rules, deadline);
    co_return good;
}

}  // namespace steward::net::probing
