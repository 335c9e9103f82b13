#include "services/health/probers.hpp"

#include <fmt/core.h>

namespace steward {
namespace {

net::http_check http_from(const config::check& c) {
    net::http_check out;
    out.where = net::http_endpoint(c.host, c.port);
    out.where.tls = c.tls;
    out.where.trust.ca_file = c.ca_file;
    out.where.trust.insecure = c.insecure;
    out.path = c.path;
    const bool is_v6 = c.host.find(':') != std::string::npos;
    out.host_header = is_v6 ? "[" + c.host + "]" : c.host;
    if (c.port != (c.tls ? 443 : 80)) out.host_header += fmt::format(":{}", c.port);
    out.good_status = c.status;
    out.timeout = c.timeout;
    return out;
}

class blind_prober final : public net::prober {
  public:
    boost::asio::awaitable<probe_result> run() override {
        probe_result out(verdict::unknown, "this kind of check is not built yet");
        co_return out;
    }
};

}  // namespace

prober_factory socket_probers(time_source& time, net::resolver& names) {
    return [&time, &names](guest_id, const config::check& c) -> std::unique_ptr<net::prober> {
        switch (c.kind) {
            case config::check_kind::http: return net::make_prober(http_from(c), time, names);
            case config::check_kind::icmp: {
                net::icmp_check check;
                check.host = c.host;
                check.timeout = c.timeout;
                return net::make_prober(std::move(check), time, names);
            }
            case config::check_kind::dns:
            case config::check_kind::exec: return std::make_unique<blind_prober>();
            case config::check_kind::tcp: break;
        }
        net::tcp_check check;
        check.host = c.host;
        check.port = c.port;
        check.timeout = c.timeout;
        return net::make_prober(std::move(check), time, names);
    };
}

}  // namespace steward
