#pragma once
#include "base/result.hpp"
#include "runtime/task_group.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <filesystem>
#include <functional>
#include <string>

namespace steward::sim {

/// The socket through which a running simulator is told what goes wrong. It understands one command per connection,
/// either as a line (answer: "ok\n…" or "error: …") or as HTTP (`curl --unix-socket`): POST /fault with the command as
/// its body, GET /status. Errors of HTTP are 400 with the sentence, 404, 405 and 413.
class control_socket {
  public:
    /// Obeys one command: what there is to print, or what is wrong with it.
    using obey = std::function<result<std::string>(std::string_view command)>;

    /// An old socket is in the way only while somebody listens on it: errc::exists.
    [[nodiscard]] static result<boost::asio::local::stream_protocol::acceptor> listen(
        const boost::asio::any_io_executor& executor, const std::filesystem::path& path);

    control_socket(boost::asio::local::stream_protocol::acceptor acceptor, obey what);
    /// Serves until cancelled.
    [[nodiscard]] boost::asio::awaitable<void> serve();
    /// Ends all conversations and waits.
    [[nodiscard]] boost::asio::awaitable<void> close();

  private:
    [[nodiscard]] boost::asio::awaitable<void> converse(boost::asio::local::stream_protocol::socket peer);

    boost::asio::local::stream_protocol::acceptor acceptor_;
    obey obey_;
    task_group tasks_;
};

}  // namespace steward::sim
