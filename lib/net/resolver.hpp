#pragma once
#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>

#include <memory>
#include <string>
#include <vector>

namespace steward::net {

enum class address_family { any, v4, v6 };

/// Names to addresses. An address literal comes back as itself without any query.
class resolver {
  public:
    virtual ~resolver() = default;
    /// At least one address, or not_delivered ("no such name", "no answer from 192.0.2.53").
    [[nodiscard]] virtual boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> resolve(
        std::string name, address_family family, time_point deadline) = 0;
};

/// c-ares in the Asio loop: reads /etc/resolv.conf and /etc/hosts, its sockets are watched by Asio, no thread.
[[nodiscard]] std::unique_ptr<resolver> make_cares_resolver(boost::asio::any_io_executor executor, time_source& time);

}  // namespace steward::net
