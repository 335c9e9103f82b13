#include "sim/front/control_socket.hpp"

#include "net/request_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <system_error>

namespace steward::sim {
namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::local::stream_protocol;

namespace {

constexpr std::size_t longest_command = 4096;
constexpr std::size_t most_conversations = 64;

/// The first line decides: an HTTP request line ends with its version.
bool is_http(std::string_view line) {
    const std::size_t last = line.rfind(' ');
    return last != std::string_view::npos && line.substr(last + 1).starts_with("HTTP/");
}

std::string http_answer(int status, std::string_view reason, std::string_view type, std::string body,
                        std::string_view more = {}) {
    if (!body.ends_with('\n')) body += '\n';
    return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n{}",
                       status, reason, type, body.size(), more, body);
}

std::string refusal(int status, std::string_view reason, std::string body, std::string_view more = {}) {
    return http_answer(status, reason, "text/plain; charset=utf-8", std::move(body), more);
}

std::string answer_http(const net::http_request& request, const control_socket::obey& obey) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    const bool is_status = path == "/status";
    if (!is_status && path != "/fault")
        return refusal(404, "Not Found", "there are POST /fault and GET /status, no " + path);
    const bool is_allowed = is_status ? request.method == "GET" : request.method == "POST" || request.method == "PUT";
    if (!is_allowed)
        return refusal(405, "Method Not Allowed", fmt::format("{} takes {}", path, is_status ? "GET" : "POST"),
                       is_status ? "Allow: GET\r\n" : "Allow: POST, PUT\r\n");
    const std::string command = is_status ? "status" : request.body;
    if (const std::size_t end = command.find_last_not_of(" \t\r\n");
        end != std::string::npos && command.find('\n') < end)
        return refusal(400, "Bad Request", "one command at a time");
    const auto done = obey(command);
    if (!done) return refusal(400, "Bad Request", done.error().detail);
    const bool is_json = done->starts_with("{");
    return http_answer(200, "OK", is_json ? "application/json" : "text/plain; charset=utf-8",
                       done->empty() ? "ok" : *done);
}

asio::awaitable<bool> read_more(stream_protocol::socket& peer, std::string& into) {
    std::array<char, 4096> chunk;
    boost::system::error_code ec;
    const std::size_t n =
        co_await peer.async_read_some(asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
    if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
    into.append(chunk.data(), n);
    co_return !ec;
}

/// The answer to the HTTP request that begins with `bytes`; "" when the client left.
asio::awaitable<std::string> over_http(stream_protocol::socket& peer, std::string bytes, control_socket::obey obey) {
    using stage = net::request_reader::stage;
    net::request_reader reader;
    for (;;) {
        switch (reader.read(bytes)) {
            case stage::judge:
                if (!reader.request().header("Transfer-Encoding").empty())
                    co_return refusal(411, "Length Required", "a body needs a Content-Length");
                if (reader.announced() > longest_command)
                    co_return refusal(413, "Content Too Large", "a command has at most 4096 bytes");
                reader.read_body();
                continue;
            case stage::complete: co_return answer_http(reader.request(), obey);
            case stage::refused: co_return refusal(400, "Bad Request", reader.reason());
            case stage::ignored: co_return refusal(431, "Request Header Fields Too Large", "too many headers");
            case stage::head:
            case stage::body: break;
        }
        if (!co_await read_more(peer, bytes)) co_return std::string();
    }
}

}  // namespace

result<stream_protocol::acceptor> control_socket::listen(const asio::any_io_executor& executor, const fs::path& path) {
    boost::system::error_code ec;
    stream_protocol::socket probe(executor);
    probe.connect(stream_protocol::endpoint(path.string()), ec);
    if (!ec) return fault(errc::exists, path.string(), "another simulator serves this directory");
    std::error_code ignored;
    fs::remove(path, ignored);
    stream_protocol::acceptor acceptor(executor);
    acceptor.open(stream_protocol(), ec);
    if (!ec) acceptor.bind(stream_protocol::endpoint(path.string()), ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return fault(errc::io, "listen on " + path.string(), ec.message());
    return acceptor;
}

control_socket::control_socket(stream_protocol::acceptor acceptor, obey what)
    : acceptor_(std::move(acceptor)), obey_(std::move(what)), tasks_(acceptor_.get_executor()) {}

asio::awaitable<void> control_socket::serve() {
    for (;;) {
        stream_protocol::socket peer(acceptor_.get_executor());
        co_await acceptor_.async_accept(peer, asio::use_awaitable);
        if (tasks_.size() < most_conversations) tasks_.spawn("control", converse(std::move(peer)));
    }
}

asio::awaitable<void> control_socket::converse(stream_protocol::socket peer) {
    std::string bytes;
    while (bytes.find('\n') == std::string::npos) {
        if (bytes.size() >= longest_command) co_return;
        if (!co_await read_more(peer, bytes)) co_return;
    }
    std::string line = bytes.substr(0, bytes.find('\n'));
    if (line.ends_with('\r')) line.pop_back();
    std::string text;
    if (is_http(line)) {
        text = co_await over_http(peer, std::move(bytes), obey_);
    } else {
        const auto done = obey_(line);
        text = done ? "ok\n" + *done + "\n" : "error: " + done.error().detail + "\n";
    }
    boost::system::error_code ec;
    co_await asio::async_write(peer, asio::buffer(text), asio::redirect_error(asio::use_awaitable, ec));
    if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
}

asio::awaitable<void> control_socket::close() {
    tasks_.cancel();
    co_await tasks_.join();
}

}  // namespace steward::sim
