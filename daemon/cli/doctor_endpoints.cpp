#include "doctor.hpp"
#include "net/resolver.hpp"
#include "pve/api/session.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/io_context.hpp>

#include <fmt/core.h>

namespace steward::cli {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds patience{5};

/// "n1:8006", "[2001:db8::1]:8006" → the host.
std::string host_of(std::string endpoint) {
    if (endpoint.starts_with("https://")) endpoint = endpoint.substr(8);
    if (endpoint.starts_with('[')) return endpoint.substr(1, endpoint.find(']') - 1);
    return endpoint.substr(0, endpoint.find(':'));
}

/// What one endpoint came to.
class first_contact {
  public:
    std::string addresses;
    std::optional<fault> no_name;
    std::optional<fault> refused;
    std::string version;
    duration took{};
};

asio::awaitable<int> call_on(pve::connection& one, std::string host, first_contact& into) {
    os_time time;
    const auto names = net::make_cares_resolver(one.loop().get_executor(), time);
    const time_point limit = time.now() + patience;
    const auto found = co_await names->resolve(host, net::address_family::any, limit);
    if (!found) {
        into.no_name = found.error();
        co_return 1;
    }
    for (const auto& a : *found) into.addresses += (into.addresses.empty() ? "" : ", ") + a.to_string();
    const time_point began = time.now();
    const auto version = co_await one.session().learn_version();
    into.took = time.now() - began;
    if (!version) into.refused = version.error();
    if (version) into.version = fmt::format("{}.{}", version->major, version->minor);
    co_return 0;
}

pve::connection_options alone(const pve::connection_options& way, const std::string& endpoint) {
    pve::connection_options one = way;
    one.endpoints = {endpoint};
    one.request_limit = patience;
    one.repeats.attempts = 1;
    return one;
}

first_contact contact(pve::connection_options way) {
    first_contact seen;
    std::string host = host_of(way.endpoints.front());
    pve::connection one(std::move(way));
    static_cast<void>(one.run(call_on(one, std::move(host), seen)));
    return seen;
}

/// The SHA-256 of the certificate that is shown there: a pin that cannot be right makes the refusal name it, and
/// nothing is sent.
std::string shown_fingerprint(pve::connection_options way) {
    std::string impossible = "00";
    for (int i = 1; i < 32; ++i) impossible += ":00";
    way.trust = {};
    way.trust.fingerprints.push_back(impossible);
    const first_contact seen = contact(std::move(way));
    if (!seen.refused) return {};
    const std::string text = seen.refused->text();
    constexpr std::string_view words = "shows the fingerprint ";
    const std::size_t at = text.find(words);
    return at == std::string::npos ? std::string() : text.substr(at + words.size(), 32 * 3 - 1);
}

void judge_trust(const pve::connection_options& way, const std::string& topic, const std::string& print,
                 doctor_report& into) {
    if (print.empty()) return;
    if (way.trust.insecure)
        return into.add(severity::warning, topic,
                        "any certificate is accepted (insecure: true): whoever sits between reads the token",
                        fmt::format("fingerprint: \"{}\"   instead, after a look at the node itself", print));
    const char* how = !way.trust.fingerprints.empty() ? "is pinned"
                      : way.trust.ca_file.empty()     ? "is known to the system's authorities"
                                                      : "is signed by ca_file";
    into.ok(topic, fmt::format("its certificate {}; fingerprint {}", how, print));
}

void judge_refusal(const fault& why, const std::string& topic, const std::string& print, doctor_report& into) {
    switch (why.code) {
        case errc::untrusted:
            return into.add(
                severity::critical, topic, why.text(),
                fmt::format(
                    "it shows {}\nis that its own? On the node: openssl x509 -noout -fingerprint -sha256 -in "
                    "/etc/pve/local/pve-ssl.pem (or pveproxy-ssl.pem)\nif it is: fingerprint: \"{}\"; or ca_file "
                    "with /etc/pve/pve-root-ca.pem of the cluster",
                    print.empty() ? "no certificate" : print, print));
        case errc::unauthorized:
            return into.add(severity::critical, topic, "does not take our credentials: " + why.text(),
                            "pveum user token list USER@REALM shows whether the token is there and has not expired; is "
                            "its user enabled?");
        case errc::forbidden:
            return into.add(severity::critical, topic, why.text(),
                            "steward doctor names what lacks below, once somebody lets it in");
        default:
            return into.add(
                severity::critical, topic, why.text(),
                "is the node up, pveproxy running (systemctl status pveproxy) and port 8006 open from here?");
    }
}

}  // namespace

bool examine_endpoints(const pve::connection_options& way, doctor_report& into) {
    std::size_t good = 0;
    const std::size_t first = into.all.size();
    for (const std::string& endpoint : way.endpoints) {
        const std::string topic = "endpoint " + endpoint;
        const pve::connection_options one = alone(way, endpoint);
        const first_contact seen = contact(one);
        if (seen.no_name) {
            into.add(severity::critical, topic, seen.no_name->text(),
                     "does the name stand in DNS or in /etc/hosts of this machine?");
            continue;
        }
        const std::string print = shown_fingerprint(one);
        if (seen.refused) {
            judge_refusal(*seen.refused, topic, print, into);
            continue;
        }
        ++good;
        into.ok(topic,
                fmt::format("PVE {} answers at {} in {}", seen.version, seen.addresses, describe_duration(seen.took)));
        judge_trust(way, topic, print, into);
    }
    // One dead endpoint of several costs nothing but the choice.
    for (std::size_t i = first; good > 0 && i < into.all.size(); ++i)
        if (into.all[i].how == severity::critical) into.all[i].how = severity::warning;
    if (good == 1 && way.endpoints.size() == 1)
        into.add(severity::warning, "endpoints", "only one is named: when that node dies, Steward is blind",
                 "name more nodes in `cluster.endpoints`");
    return good > 0;
}

}  // namespace steward::cli
