#include "pve/connection.hpp"

#include "net/resolver.hpp"
#include "runtime/os_random.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <charconv>
#include <exception>
#include <optional>

namespace steward::pve {
namespace asio = boost::asio;

namespace {

/// Stands for a cluster that the options do not describe.
class no_transport final : public transport {
  public:
    explicit no_transport(fault why) : why_(std::move(why)) {}
    asio::awaitable<result<reply>> send(request, time_point) override { co_return why_; }

  private:
    fault why_;
};

result<net::http_endpoint> parse_endpoint(const std::string& text) {
    const fault bad(errc::invalid, "connection", "\"" + text + "\" is not like n1, n1:8006 or [2001:db8::1]:8006");
    const std::size_t bracket = text.rfind(']');
    const std::size_t colon = text.rfind(':');
    const bool is_bare_v6 = bracket == std::string::npos && text.find(':') != colon;
    const bool has_port =
        colon != std::string::npos && !is_bare_v6 && (bracket == std::string::npos || colon > bracket);
    std::string host = has_port ? text.substr(0, colon) : text;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty()) return bad;
    net::http_endpoint to(std::move(host), 8006);
    if (!has_port) return to;
    const auto [end, ec] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), to.port);
    if (ec != std::errc() || end != text.data() + text.size() || to.port == 0) return bad;
    return to;
}

}  // namespace

struct connection::parts {
    explicit parts(connection_options o)
        : chance(os_seed()),
          names(net::make_cares_resolver(io.get_executor(), time)),
          way(connect(o)),
          wire(*way, time, chance, o.repeats),
          session(wire, time, o.request_limit) {
        session.uses_token(!o.who.token_file.empty());
    }

    std::unique_ptr<transport> connect(const connection_options& o) {
        auto who = read_credentials(o.who);
        if (!who) return std::make_unique<no_transport>(who.error());
        if (o.endpoints.empty())
            return std::make_unique<no_transport>(fault(errc::invalid, "connection", "no node to talk to is named"));
        std::vector<net::http_endpoint> endpoints;
        for (const std::string& text : o.endpoints) {
            auto to = parse_endpoint(text);
            if (!to) return std::make_unique<no_transport>(to.error());
            to->trust = o.trust;
            endpoints.push_back(std::move(*to));
        }
        return std::make_unique<https_transport>(io.get_executor(), time, chance, *names, std::move(endpoints),
                                                 std::move(*who), o.wire);
    }

    os_time time;
    random_source chance;
    asio::io_context io{1};
    std::unique_ptr<net::resolver> names;
    std::unique_ptr<transport> way;
    retrying_transport wire;
    api::session session;
};

connection::connection(connection_options options) : parts_(std::make_unique<parts>(std::move(options))) {}

connection::~connection() = default;

api::session& connection::session() { return parts_->session; }

transport& connection::wire() { return parts_->wire; }

asio::io_context& connection::loop() { return parts_->io; }

int connection::run(asio::awaitable<int> program) {
    std::optional<int> status;
    std::exception_ptr thrown;
    const auto ended = [&](std::exception_ptr e, int s) {
        thrown = std::move(e);
        status = s;
    };
    parts_->io.restart();
    asio::co_spawn(parts_->io, std::move(program), ended);
    parts_->io.run();
    if (thrown) std::rethrow_exception(thrown);
    return status.value_or(1);
}

}  // namespace steward::pve
