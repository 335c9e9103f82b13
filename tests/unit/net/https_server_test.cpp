#include "https_pair.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

using namespace steward;
using namespace steward::net;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// Sends bytes without TLS and reads until the server closes.
asio::awaitable<std::string> speak_plainly(std::uint16_t port, std::string bytes) {
    asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
    const asio::ip::tcp::endpoint to(asio::ip::address_v4::loopback(), port);
    co_await socket.async_connect(to, asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
    std::string answer;
    boost::system::error_code ec;
    co_await asio::async_read(socket, asio::dynamic_buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
    co_return answer;
}

}  // namespace

TEST_CASE("plain HTTP on the TLS port is pointed to https") {
    https_pair site([](const http_request&) { return server_reply(); });
    const std::string get =
        run_awaitable(site.io, speak_plainly(site.server->port(), "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(get.starts_with("HTTP/1.1 301 "));
    CHECK(get.find("Location: https://127.0.0.1:") != std::string::npos);
    const std::string post =
        run_awaitable(site.io, speak_plainly(site.server->port(), "POST /x HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(post.starts_with("HTTP/1.1 308 "));
    CHECK(site.seen.empty());
}

TEST_CASE("an over-long header is not answered at all, and the connection dies of idleness") {
    https_pair site([](const http_request&) { return server_reply(); }, 80ms);
    const auto client = site.client(site.endpoint());
    http_request large("GET", "/x");
    large.headers.emplace_back("Cookie", std::string(9000, 'x'));
    const auto got = site.send(*client, std::move(large), 3s);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::outcome_unknown);
    CHECK(site.seen.empty());
}

TEST_CASE("methods of every kind reach the handler, which decides") {
    https_pair site([](const http_request& r) {
        server_reply reply;
        reply.status = r.method == "PATCH" ? 501 : 200;
        reply.body = r.body;
        return reply;
    });
    const auto client = site.client(site.endpoint());
    http_request post("POST", "/a?b=c");
    post.body = "x=1";
    const auto echoed = site.send(*client, std::move(post));
    REQUIRE(echoed);
    CHECK(echoed->body == "x=1");
    CHECK(site.send(*client, http_request("PATCH", "/"))->status == 501);
    CHECK(site.seen == std::vector<std::string>{"POST /a?b=c", "PATCH /"});
}

TEST_CASE("a taken address and bad keys are said clearly") {
    https_pair site([](const http_request&) { return server_reply(); });
    server_options options;
    options.certificate_pem = site.leaf.certificate_pem;
    options.private_key_pem = site.leaf.private_key_pem;
    options.port = site.server->port();
    const auto handler = [](http_request) -> asio::awaitable<server_reply> { co_return server_reply(); };
    const auto taken = https_server::listen(site.io.get_executor(), site.time, options, handler);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().text().find(std::to_string(options.port)) != std::string::npos);
    options.private_key_pem = "nonsense";
    CHECK(https_server::listen(site.io.get_executor(), site.time, options, handler).error().code == errc::invalid);
}
