#pragma once
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

namespace steward::net {

/// A task that is cancelled ends by an exception, whatever it waited for; every other error is its own business.
inline void throw_if_cancelled(const boost::system::error_code& ec) {
    if (ec == boost::asio::error::operation_aborted) throw boost::system::system_error(ec);
}

}  // namespace steward::net
