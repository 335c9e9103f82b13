#pragma once
#include "base/ids.hpp"
#include "net/resolver.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>

namespace steward::sim {

/// The name service as a client of the model meets it: asked for each new connection, and those last a minute.
class connection_names {
  public:
    explicit connection_names(time_source& time) : time_(time) {}
    /// Errors: those of the resolver.
    [[nodiscard]] boost::asio::awaitable<result<void>> find(node_name node, time_point deadline);

    net::resolver* from = nullptr;  ///< null: every address is known

  private:
    time_source& time_;
    std::map<node_name, time_point> connected_until_;
};

}  // namespace steward::sim
