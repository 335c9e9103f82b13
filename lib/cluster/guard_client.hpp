#pragma once
#include "base/guard_frames.hpp"
#include "cluster/cluster_store.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace steward {

/// Asks `steward-guard` over its Unix socket; a new connection for each request, so that a restarted guard is no
/// special case. Cancelling a question closes the connection: the guard drops it if it has not begun.
class guard_client {
  public:
    guard_client(time_source& time, std::string socket_path, duration limit = std::chrono::seconds(30));

    /// The guard's own refusals come back with their code. Besides them: `unavailable` (nobody listens, or the request
    /// never arrived whole: nothing happened), `outcome_unknown` (it arrived, the answer did not), `garbage`.
    [[nodiscard]] boost::asio::awaitable<result<guard::reply>> ask(guard::request what);

  private:
    time_source& time_;
    std::string socket_path_;
    duration limit_;
};

/// The names in one of the guard's directories, in order.
[[nodiscard]] boost::asio::awaitable<result<std::vector<std::string>>> names_through(guard_client& guard,
                                                                                     std::string directory);
/// All that is in one of them. What cannot be read is there with an empty text: its owner finds it unreadable.
[[nodiscard]] boost::asio::awaitable<result<std::vector<stored_record>>> load_through(guard_client& guard,
                                                                                      std::string directory);

}  // namespace steward
