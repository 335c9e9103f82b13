#include "net/connection.hpp"
#include "net/http_exchange.hpp"
#include "net/http_verdict.hpp"
#include "net/probing.hpp"
#include "net/redirect.hpp"

#include <cerrno>
#include <fmt/core.h>
#include <fstream>
#include <iterator>

namespace steward::net {
namespace asio = boost::asio;

namespace {

constexpr int most_redirects = 5;
constexpr std::size_t longest_header = 8192;

/// Answers what has been resolved already, so that the name is looked up once per attempt and TLS still sees the name.
class known_addresses final : public resolver {
  public:
    explicit known_addresses(probing::addresses found) : found_(std::move(found)) {}
    asio::awaitable<result<probing::addresses>> resolve(std::string, address_family, time_point) override {
        co_return found_;
    }

  private:
    probing::addresses found_;
};

std::string small(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

/// Read anew each time: a secret may be replaced while the daemon runs.
result<std::string> secret_in(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return fault(errc::io, "", fmt::format("cannot read {}: {}", path, std::generic_category().message(errno)));
    std::string text(longest_header + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    const bool is_one_line = text.find_first_of(std::string("\r\n\0", 3)) == std::string::npos;
    if (text.empty() || text.size() > longest_header || !is_one_line)
        return fault(errc::io, "", fmt::format("{} does not hold one line for a header", path));
    return text;
}

class http_prober final : public prober {
  public:
    http_prober(http_check check, time_source& time, resolver& names)
        : check_(std::move(check)), time_(time), names_(names) {
        check_.where.trust.ignores_expiry = true;  // a warning, see below
    }

    asio::awaitable<probe_result> run() override {
        probing::recorder notes(time_, check_.manners.is_explained);
        const time_point deadline = time_.now() + check_.timeout;
        probing::target whom(check_.where.host, check_.where.port);
        auto addresses = co_await probing::addresses_of(names_, std::move(whom), check_.manners.rules, deadline, notes);
        if (!addresses) co_return notes.finish(verdict::unknown, addresses.error().text());
        auto request = first_request();
        if (!request) co_return notes.finish(verdict::unknown, request.error().detail);
        step here(check_.where, std::move(*request), std::move(*addresses));
        for (int followed = 0;; ++followed) {
            exchange_times times;
            const auto answer = co_await ask(here, deadline, times);
            note_facts(answer, times, notes);
            if (!answer) co_return finish(explain(answer.error()), times, notes);
            std::string note;
            const auto next = next_step(here, *answer, followed, note);
            if (!next) co_return finish(judge_answer(check_, *answer, note), times, notes);
            if (followed >= most_redirects)
                co_return notes.finish(verdict::unhealthy, fmt::format("more than {} redirects", most_redirects));
            auto refused = co_await go(here, *next, answer->status, deadline);
            if (!refused.empty()) co_return notes.finish(verdict::unknown, std::move(refused));
        }
    }

  private:
    /// One request of an attempt: the first, or one that a redirect led to.
    class step {
      public:
        step(http_endpoint e, http_request r, probing::addresses a)
            : where(std::move(e)), request(std::move(r)), addresses(std::move(a)) {}
        http_endpoint where;
        http_request request;
        probing::addresses addresses;
    };

    result<http_request> first_request() const {
        http_request request(check_.method, check_.path);
        request.headers.emplace_back("Host", check_.host_header);
        request.headers.emplace_back("User-Agent", "steward");
        request.headers.emplace_back("Accept", "*/*");
        for (const auto& [name, value] : check_.headers) set_header(request, name, value);
        for (const header_file& h : check_.secret_headers) {
            auto value = secret_in(h.path);
            if (!value) return value.error();
            set_header(request, h.name, *value);
        }
        request.body = check_.body;
        return request;
    }

    static void set_header(http_request& request, const std::string& name, const std::string& value) {
        for (auto& [have, old] : request.headers)
            if (small(have) == small(name)) {
                old = value;
                return;
            }
        request.headers.emplace_back(name, value);
    }

    asio::awaitable<result<http_response>> ask(const step& what, time_point deadline, exchange_times& times) {
        known_addresses known(what.addresses);
        const tls_setup setup(what.where);
        // A file of ours that is gone says nothing about the service.
        if (!setup.problem().empty()) co_return fault(errc::unavailable, "tls", setup.problem());
        http_request request = what.request;
        auto answer =
            co_await fetch_once(time_, known, what.where, setup, std::move(request), deadline, most_body, times);
        co_return answer;
    }

    /// Where an answer leads that is to be followed; else `note` tells why it is not, when it is a redirect.
    [[nodiscard]] std::optional<http_place> next_step(const step& here, const http_response& answer, int followed,
                                                      std::string& note) const {
        if (!check_.follows_same_host) return std::nullopt;
        const int s = answer.status;
        if (s != 301 && s != 302 && s != 303 && s != 307 && s != 308) {
            if (followed > 0) note = fmt::format(" after {} redirect(s)", followed);
            return std::nullopt;
        }
        const auto to = follow_location(place_of(here), answer.header("Location"));
        if (!to) return note = ", whose redirect " + to.error().detail, std::nullopt;
        if (small(to->host) != small(here.where.host))
            return note = fmt::format(", whose redirect to {} is to another host", probing::shown(to->host)),
                   std::nullopt;
        if (here.where.tls && !to->tls) return note = ", whose redirect leads away from https", std::nullopt;
        return *to;
    }

    static http_place place_of(const step& here) {
        http_place out;
        out.tls = here.where.tls;
        out.host = here.where.host;
        out.port = here.where.port;
        out.path = here.request.target;
        return out;
    }

    /// Goes there: the same addresses, perhaps another port. Why it may not; empty when it may.
    asio::awaitable<std::string> go(step& here, http_place to, int status, time_point deadline) {
        if (to.port != here.where.port) {
            const probing::target whom(here.where.host, to.port);
            auto good = co_await probing::permitted(names_, whom, here.addresses, check_.manners.rules, deadline);
            if (!good) co_return good.error().text();
            here.addresses = std::move(*good);
        }
        const http_place old = place_of(here);
        if (old.port != to.port || old.tls != to.tls) set_header(here.request, "Host", authority_of(to));
        here.where.port = to.port;
        here.where.tls = to.tls;
        here.request.target = to.path;
        // RFC 9110 15.4: what was posted is fetched from there, unless the server says 307 or 308.
        if (here.request.method != "HEAD" && status < 307) {
            here.request.method = "GET";
            here.request.body.clear();
        }
        co_return std::string();
    }

    static void note_facts(const result<http_response>& answer, const exchange_times& times, probing::recorder& notes) {
        const peer_facts& peer = times.peer;
        if (!peer.address.empty()) notes.detail("address", peer.address);
        if (!peer.tls_version.empty()) notes.detail("tls", peer.tls_version);
        if (!peer.subject.empty()) notes.detail("certificate", probing::shown(peer.subject));
        if (peer.expires) notes.detail("expires", format_utc(*peer.expires));
        if (!answer) return;
        notes.detail("status", fmt::format("{} {}", answer->status, probing::shown(answer->reason)));
        if (const std::string to = answer->header("Location"); !to.empty())
            notes.detail("location", probing::shown(to));
        if (!answer->body.empty()) notes.detail("first bytes", probing::shown(answer->body));
    }

    /// With the phases of the last exchange, and what is to be said of the certificate whatever the verdict is. That a
    /// certificate has expired is no reason against the guest: a restart or a backup has the same one.
    probe_result finish(const probe_result& said, const exchange_times& times, probing::recorder& notes) const {
        notes.warn(certificate_warning(times.peer, time_.wall_now(), check_.warns_before_expiry));
        probe_result out = notes.finish(said.answer, said.reason);
        if (times.connect != duration::zero()) out.phases.emplace_back("connect", times.connect);
        if (times.tls != duration::zero()) out.phases.emplace_back("tls", times.tls);
        if (times.first_byte != duration::zero()) out.phases.emplace_back("first_byte", times.first_byte);
        return out;
    }

    [[nodiscard]] probe_result explain(const fault& f) const {
        if (const auto trouble = probing::own_trouble(f)) return probe_result(verdict::unknown, *trouble);
        switch (f.code) {
            case errc::timed_out: return probe_result(verdict::unhealthy, probing::silence(check_.timeout));
            case errc::garbage: return probe_result(verdict::unhealthy, "does not speak HTTP");
            case errc::unavailable: return probe_result(verdict::unknown, f.detail);
            default: return probe_result(verdict::unhealthy, probing::in_words(f.detail));
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
