#pragma once
#include "pve/http_meaning.hpp"

#include <boost/asio/awaitable.hpp>

namespace steward::pve {

/// data_of, with pauses for others while a long answer is parsed: the list of ten thousand guests is three megabytes.
[[nodiscard]] boost::asio::awaitable<result<boost::json::value>> read_data(reply answer, request what);

}  // namespace steward::pve
