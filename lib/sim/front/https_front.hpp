#pragma once
#include "net/https_server.hpp"
#include "runtime/task_group.hpp"
#include "runtime/time_source.hpp"
#include "sim/model/cluster.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace steward::sim {

/// One TLS port per node over a model that somebody else drives. Delays (3 s for a 401, 30 s for a hung node) follow
/// `model_time`, so a speed factor applies to them; the connection rules (5 s idle) follow `wire_time`, because clients
/// live there. A node that is off or cut off has no open port.
class https_front {
  public:
    https_front(boost::asio::any_io_executor executor, time_source& model_time, time_source& wire_time, cluster& model);
    ~https_front();
    https_front(const https_front&) = delete;
    https_front& operator=(const https_front&) = delete;

    /// Makes the cluster's CA and the nodes' certificates, and binds. One address: `port`, `port`+1, … of it. One for
    /// each node: `port` of each, as on a real cluster. Port 0 lets the kernel choose. Another number is `invalid`.
    [[nodiscard]] result<void> open(const std::vector<std::string>& addresses, std::uint16_t port);
    [[nodiscard]] const net::certificate& ca() const { return ca_; }
    /// "https://127.0.0.1:8006"
    [[nodiscard]] std::string url_of(const node_name& node) const;
    /// Opens and closes ports so that they match which nodes are reachable, and makes the certificates that a fault
    /// asks for.
    void reconcile();
    /// Closes all ports and waits for the accepting tasks.
    [[nodiscard]] boost::asio::awaitable<void> close();

  private:
    class port;
    [[nodiscard]] std::unique_ptr<port> make_port(const node_name& name, const std::string& address,
                                                  std::uint16_t number);
    [[nodiscard]] result<net::certificate> certify(const node_name& name, const std::string& address, bool is_expired);
    void renew_certificates();
    [[nodiscard]] boost::asio::awaitable<net::server_reply> answer(node_name node, net::http_request request);

    boost::asio::any_io_executor executor_;
    time_source& model_time_;
    time_source& wire_time_;
    cluster& model_;
    net::certificate ca_;
    std::uint64_t certificates_made_ = 0;
    std::vector<std::unique_ptr<port>> ports_;
};

}  // namespace steward::sim
