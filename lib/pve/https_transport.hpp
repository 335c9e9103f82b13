#pragma once
#include "net/http_client.hpp"
#include "pve/transport.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace steward::pve {

/// Who we are towards PVE: an API token, or a user with a password (then tickets are fetched and renewed).
class credentials {
  public:
    std::string token;  ///< "user@realm!tokenid=secret"
    std::string user;   ///< "user@realm"
    std::string password;
};

/// PVE over HTTPS. Several endpoints are tried in order, the last one that worked first; a request is repeated on
/// another endpoint only when it was not delivered, or when it is a GET.
class https_transport final : public transport {
  public:
    https_transport(boost::asio::any_io_executor executor, time_source& time, net::resolver& names,
                    std::vector<net::http_endpoint> endpoints, credentials who);
    ~https_transport() override;

    [[nodiscard]] boost::asio::awaitable<result<reply>> send(request call, time_point deadline) override;

  private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace steward::pve
