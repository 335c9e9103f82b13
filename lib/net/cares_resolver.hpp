#pragma once
#include "net/resolver.hpp"

/// For tests in this room: a resolver that asks the given servers ("127.0.0.1:5353") instead of /etc/resolv.conf.
namespace steward::net {

[[nodiscard]] std::unique_ptr<resolver> make_cares_resolver(boost::asio::any_io_executor executor, time_source& time,
                                                            const std::string& servers);

}  // namespace steward::net
