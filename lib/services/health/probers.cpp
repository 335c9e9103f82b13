#include "services/health/probers.hpp"

#include "services/health/exec_prober.hpp"
#include "services/health/pve_probers.hpp"

#include <fmt/core.h>

namespace steward {
namespace {

/// The configuration was read with the same code: what did not compile never comes here.
net::wanted_text wanted_from(const std::string& text, bool is_regex) {
    if (!is_regex) return net::wanted_text(text);
    auto compiled = pattern::compile(text);
    return compiled ? net::wanted_text(std::move(*compiled), text) : net::wanted_text(text);
}

std::optional<net::wanted_text> wanted_from(const std::optional<config::expectation>& e) {
    if (!e) return std::nullopt;
    return wanted_from(e->text, e->is_regex);
}

net::http_check http_from(const config::check& c) {
    net::http_check out;
    out.where = net::http_endpoint(c.host, c.port);
    out.where.tls = c.tls;
    out.where.server_name = c.http.sni;
    out.where.trust.ca_file = c.ca_file;
    out.where.trust.insecure = c.insecure;
    out.where.trust.client_certificate = c.http.client_certificate;
    out.where.trust.client_key = c.http.client_key;
    out.method = c.http.method;
    out.path = c.path;
    const bool is_v6 = c.host.find(':') != std::string::npos;
    out.host_header = is_v6 ? "[" + c.host + "]" : c.host;
    if (!c.http.sni.empty()) out.host_header = c.http.sni;
    if (c.port != (c.tls ? 443 : 80)) out.host_header += fmt::format(":{}", c.port);
    for (const config::check_header& h : c.http.headers)
        if (h.file.empty())
            out.headers.emplace_back(h.name, h.value);
        else
            out.secret_headers.emplace_back(h.name, h.file);
    out.body = c.http.body;
    out.good_status = c.status;
    if (!c.http.body_contains.empty()) out.body_holds.push_back(wanted_from(c.http.body_contains, false));
    if (!c.http.body_regex.empty()) out.body_holds.push_back(wanted_from(c.http.body_regex, true));
    if (c.http.json) out.json.emplace(c.http.json->pointer, c.http.json->equals);
    out.follows_same_host = c.http.follows_same_host;
    out.warns_before_expiry = c.http.certificate_expiry;
    return out;
}

net::tcp_check tcp_from(const config::check& c) {
    net::tcp_check out;
    out.host = c.host;
    out.port = c.port;
    out.send = c.tcp.send;
    out.expect = wanted_from(c.tcp.expect);
    return out;
}

net::icmp_check icmp_from(const config::check& c) {
    net::icmp_check out;
    out.host = c.host;
    out.size = static_cast<std::size_t>(c.icmp.size);
    out.ttl = c.icmp.ttl;
    out.count = c.icmp.count;
    return out;
}

net::dns_check dns_from(const config::check& c) {
    net::dns_check out;
    out.server = c.host;
    out.port = c.port;
    out.query = c.dns.query;
    out.type = c.dns.type;
    out.rcode = c.dns.rcode;
    out.answer = wanted_from(c.dns.answer);
    return out;
}

exec_check exec_from(const config::check& c) {
    exec_check out;
    out.argv = c.exec.argv;
    out.user = c.exec.user;
    out.group = c.exec.group;
    return out;
}

/// Without a connection to PVE there is nobody to ask.
class nobody_to_ask final : public net::prober {
  public:
    boost::asio::awaitable<probe_result> run() override {
        co_return probe_result(verdict::unknown, "only stewardd asks PVE about a guest");
    }
};

}  // namespace

std::unique_ptr<net::prober> prober_of(const config::check& check, net::probe_manners manners, time_source& time,
                                       net::resolver& names) {
    const auto made = [&](auto question) {
        question.timeout = check.timeout;
        question.manners = manners;
        return net::make_prober(std::move(question), time, names);
    };
    if (is_at_guest(check)) return std::make_unique<nobody_to_ask>();
    switch (check.kind) {
        case config::check_kind::http: return made(http_from(check));
        case config::check_kind::icmp: return made(icmp_from(check));
        case config::check_kind::dns: return made(dns_from(check));
        case config::check_kind::tcp: return made(tcp_from(check));
        case config::check_kind::pve:
        case config::check_kind::agent: return std::make_unique<nobody_to_ask>();
        case config::check_kind::exec: break;
    }
    exec_check program = exec_from(check);
    program.timeout = check.timeout;
    program.is_explained = manners.is_explained;
    return make_prober(std::move(program), time);
}

prober_factory socket_probers(time_source& time, net::resolver& names, const target_rules& rules) {
    return [&time, &names, &rules](guest_id, const config::check& c) {
        net::probe_manners manners;
        manners.rules = &rules;
        return prober_of(c, manners, time, names);
    };
}

}  // namespace steward
