#pragma once
#include <boost/asio/any_io_executor.hpp>

#include <string>

namespace steward {

/// The same executor; but what runs on it, and every coroutine that was spawned on it whenever it goes on, logs about
/// `name` (log::subject): of several clusters in one event loop each event tells its own.
[[nodiscard]] boost::asio::any_io_executor labelled(boost::asio::any_io_executor inner, std::string name);

}  // namespace steward
