#pragma once
#include "api/order_desk.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/fwd.hpp>

#include <functional>
#include <memory>
#include <string>

namespace steward::api {

/// Asked anew for each request: a reload changes which there are.
using cluster_list = std::function<std::vector<served_cluster>()>;

/// The daemon's Unix socket: one JSON object per line in, one out, then the connection is closed.
/// {"do":"status"} · {"do":"why","guest":"ct/101"} · {"do":"plan","guest":…,"to":"n2","force":true} ·
/// {"do":"failover",…} · {"do":"retry","guest":…} · {"do":"approve|abort|disable","guest":…} ·
/// {"do":"approval-token","guest":…}
/// {"do":"pause","object":"cluster|node/N|ct/ID","kind":"maintenance","for":"2h","reason":…} ·
/// {"do":"resume","object":…}
/// {"do":"config"}: the configuration that is in force, with defaults, without secrets
/// status, why, plan, pause and resume take "guests" instead, the words of a selector (docs/backups.md): what they
/// answer about each is a list `guests`
/// {"do":"arm"} · {"do":"observe","now":true}
/// With several clusters each takes "cluster":"NAME"; only status answers about all of them without one.
/// Answers {"ok":true,"data":…} or {"ok":false,"code":"…","error":"…"}. Orders are accepted from root and from the user
/// that the daemon runs as; everybody who can open the socket may read.
class control_server {
  public:
    /// Binds the socket, replacing a stale one. errc::io names the path.
    [[nodiscard]] static result<std::unique_ptr<control_server>> listen(boost::asio::any_io_executor executor,
                                                                        time_source& time, cluster_list clusters,
                                                                        const std::string& path,
                                                                        configuration_teller tells_configuration);
    virtual ~control_server() = default;
    /// Serves until cancelled.
    [[nodiscard]] virtual boost::asio::awaitable<void> serve() = 0;
};

}  // namespace steward::api
