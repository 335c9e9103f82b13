#include "control_client.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <poll.h>

namespace steward::cli {
namespace asio = boost::asio;
namespace json = boost::json;

result<json::object> ask_daemon(const std::string& socket_path, const json::object& question,
                                std::optional<std::chrono::milliseconds> limit) {
    const std::string where = "stewardd at " + socket_path;
    asio::io_context io;
    asio::local::stream_protocol::socket socket(io);
    boost::system::error_code ec;
    socket.connect(asio::local::stream_protocol::endpoint(socket_path), ec);
    if (ec == asio::error::access_denied)
        return fault(errc::forbidden, where, "permission denied; run this as root or as the daemon's user");
    if (ec) return fault(errc::unavailable, where, ec.message() + "; is stewardd running? (systemctl status stewardd)");
    asio::write(socket, asio::buffer(json::serialize(question) + "\n"), ec);
    if (ec) return fault(errc::io, where, ec.message());
    // It answers with one line at once.
    pollfd answered{socket.native_handle(), POLLIN, 0};
    if (limit && ::poll(&answered, 1, static_cast<int>(limit->count())) == 0)
        return fault(errc::timed_out, where, "does not answer");
    std::string line;
    asio::read_until(socket, asio::dynamic_buffer(line), '\n', ec);
    if (ec) return fault(errc::io, where, "closed the connection without an answer");
    const json::value answer = json::parse(line, ec);
    if (ec || !answer.is_object()) return fault(errc::garbage, where, "answered something that is not JSON");
    const json::object& o = answer.get_object();
    const json::value* ok = o.if_contains("ok");
    const json::value* data = o.if_contains("data");
    if (ok && ok->is_bool() && ok->get_bool() && data && data->is_object()) return data->get_object();
    const json::value* error = o.if_contains("error");
    return fault(errc::refused, "",
                 error && error->is_string() ? std::string(error->get_string()) : "an answer without a reason");
}

}  // namespace steward::cli
