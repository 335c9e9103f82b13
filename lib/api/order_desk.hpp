#pragma once
#include "services/keeper.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/fwd.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// What may be asked and ordered over the control socket, and the answers; the socket itself is control_server.hpp's.
namespace steward::api {

class served_cluster {
  public:
    std::string name;             ///< its key in the configuration; "" when it is the only one
    std::shared_ptr<keeper> all;  ///< null: it is not looked after at the moment
    std::string problem;          ///< why
};

/// What {"do":"config"} is answered with.
using configuration_teller = std::function<boost::asio::awaitable<boost::json::object>()>;

/// One line with a JSON object in, one out. `asker` as the kernel names him; empty: he may only read.
[[nodiscard]] boost::asio::awaitable<std::string> answer_request(std::vector<served_cluster> clusters, std::string line,
                                                                 std::string asker,
                                                                 configuration_teller tells_configuration);

}  // namespace steward::api
