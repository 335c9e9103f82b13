#include "pve/exchange.hpp"

#include <fmt/core.h>

namespace steward::pve {
namespace asio = boost::asio;

namespace {

class socket_exchange final : public http_exchange {
  public:
    socket_exchange(asio::any_io_executor executor, time_source& time, net::resolver& names,
                    std::vector<net::http_endpoint> endpoints, net::http_client_options options) {
        for (net::http_endpoint& e : endpoints) {
            labels_.push_back(
                fmt::format(fmt::runtime(e.host.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}"), e.host, e.port));
            clients_.push_back(std::make_unique<net::http_client>(executor, time, names, std::move(e), options));
        }
    }

    [[nodiscard]] std::size_t size() const override { return clients_.size(); }
    [[nodiscard]] const std::string& label(std::size_t endpoint) const override { return labels_[endpoint]; }

    asio::awaitable<result<net::http_response>> send(std::size_t endpoint, net::http_request request,
                                                     time_point connect_by, time_point deadline) override {
        return clients_[endpoint]->send(std::move(request), deadline, connect_by);
    }
    asio::awaitable<result<net::http_response>> stream(std::size_t endpoint, net::streamed_request request,
                                                       time_point connect_by) override {
        return clients_[endpoint]->stream(std::move(request), connect_by);
    }

  private:
    std::vector<std::unique_ptr<net::http_client>> clients_;
    std::vector<std::string> labels_;
};

}  // namespace

std::unique_ptr<http_exchange> make_socket_exchange(asio::any_io_executor executor, time_source& time,
                                                    net::resolver& names, std::vector<net::http_endpoint> endpoints,
                                                    net::http_client_options options) {
    return std::make_unique<socket_exchange>(std::move(executor), time, names, std::move(endpoints), options);
}

}  // namespace steward::pve
