#include "runtime/task_group.hpp"
#include "sim/front/control_socket.hpp"
#include "small_cluster.hpp"
#include "support/run_awaitable.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

/// The control socket before a model.
class controlled {
  public:
    controlled() : tasks(io.get_executor()), model(small_options()) {
        auto acceptor = control_socket::listen(io.get_executor(), path());
        REQUIRE(acceptor);
        socket = std::make_unique<control_socket>(std::move(*acceptor),
                                                  [this](std::string_view c) { return apply_fault(model, c); });
        tasks.spawn("control", socket->serve());
    }
    ~controlled() {
        tasks.cancel();
        io.restart();
        while (tasks.size() > 0) io.run_one();
        run_awaitable(io, finish());
    }
    controlled(const controlled&) = delete;
    controlled& operator=(const controlled&) = delete;

    asio::awaitable<int> finish() {
        co_await socket->close();
        co_return 0;
    }

    [[nodiscard]] std::string path() const { return (disk.path() / "fault.sock").string(); }

    /// All that comes back until the other side closes.
    std::string say(const std::string& bytes) { return run_awaitable(io, converse(bytes)); }

    asio::awaitable<std::string> converse(std::string bytes) {
        stream_protocol::socket peer(io);
        co_await peer.async_connect(stream_protocol::endpoint(path()), asio::use_awaitable);
        co_await asio::async_write(peer, asio::buffer(bytes), asio::use_awaitable);
        boost::system::error_code ec;
        peer.shutdown(stream_protocol::socket::shutdown_send, ec);
        std::string answer;
        co_await asio::async_read(peer, asio::dynamic_buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
        co_return answer;
    }

    temporary_directory disk;
    asio::io_context io{1};
    task_group tasks;
    cluster model;
    std::unique_ptr<control_socket> socket;
};

std::string post(const std::string& path, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: sim\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

}  // namespace

TEST_CASE("control socket: lines and HTTP say the same") {
    struct row {
        const char* name;
        std::string bytes;
        std::string first_line;
        std::string part;
    };
    const std::string many(5000, 'x');
    const row rows[] = {
        {"a line", "guest ct101 crash\n", "ok", ""},
        {"a wrong line", "guest ct101 fly\n", "error: a guest cannot \"fly\"", ""},
        {"a command", post("/fault", "guest ct101 crash"), "HTTP/1.1 200 OK\r", "\r\n\r\nok\n"},
        {"with a line end", post("/fault", "guest ct101 crash\n"), "HTTP/1.1 200 OK\r", "\r\n\r\nok\n"},
        {"a wrong command", post("/fault", "guest ct101 fly"), "HTTP/1.1 400 Bad Request\r",
         "\r\n\r\na guest cannot \"fly\"\n"},
        {"a wrong certificate command", post("/fault", "tls n1 sideways"), "HTTP/1.1 400 Bad Request\r",
         "tls N change|expired"},
        {"no command", post("/fault", ""), "HTTP/1.1 400 Bad Request\r", "empty command"},
        {"two commands", post("/fault", "quorum off\nquorum on"), "HTTP/1.1 400 Bad Request\r",
         "one command at a time"},
        {"the state", "GET /status HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r", "Content-Type: application/json\r\n"},
        {"the state by a command", post("/fault", "status"), "HTTP/1.1 200 OK\r", "\"guests\""},
        {"another path", "GET /nowhere HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r", "/fault"},
        {"another method", "DELETE /status HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r", "Allow: GET\r\n"},
        {"GET of a fault", "GET /fault HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r", "Allow: POST, PUT\r\n"},
        {"chunks", "POST /fault HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 411 Length Required\r", ""},
        {"too much", post("/fault", many), "HTTP/1.1 413 Content Too Large\r", "4096"},
        {"bad HTTP", "GET /status HTTP/2.0\r\n\r\n", "HTTP/1.1 400 Bad Request\r", "version 2.0 not supported"},
        {"a line that never ends", many, "", ""},
        {"half a request", "POST /fault HTTP/1.1\r\nContent-Length: 9\r\n\r\nqu", "", ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            controlled c;
            const std::string answer = c.say(r.bytes);
            CHECK(answer.substr(0, answer.find('\n')) == r.first_line);
            CHECK(answer.find(r.part) != std::string::npos);
            CHECK(c.say("status\n").starts_with("ok\n{"));
        }
    }
}

TEST_CASE("control socket: a command over HTTP takes effect") {
    controlled c;
    CHECK(c.say(post("/fault", "guest ct101 crash")).starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(c.model.service_of(ct101) == service_state::dead);
    CHECK(c.say(post("/fault", "tls n2 expired")).starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(c.model.faults().certificates.at(node_name("n2")).expired);
}

TEST_CASE("control socket: only one simulator has it") {
    controlled c;
    CHECK(control_socket::listen(c.io.get_executor(), c.path()).error().code == errc::exists);
}
