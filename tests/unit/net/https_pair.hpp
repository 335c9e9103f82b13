#pragma once
#include "net/http_client.hpp"
#include "net/https_server.hpp"
#include "runtime/atomic_file.hpp"
#include "runtime/task_group.hpp"
#include "support/run_awaitable.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/io_context.hpp>

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

namespace steward::net {

/// Our HTTPS server on 127.0.0.1 with a certificate of a CA of its own, and clients for it.
class https_pair {
  public:
    explicit https_pair(std::function<server_reply(const http_request&)> answer,
                        duration idle = std::chrono::seconds(5))
        : https_pair(std::move(answer), patience(idle)) {}
    https_pair(std::function<server_reply(const http_request&)> answer, server_options options)
        : tasks(io.get_executor()), answer_(std::move(answer)) {
        const auto root = make_certificate("test CA", {}, certificate());
        REQUIRE(root);
        ca = *root;
        const auto signed_by_it = make_certificate("127.0.0.1", {"127.0.0.1"}, ca);
        REQUIRE(signed_by_it);
        leaf = *signed_by_it;
        REQUIRE(write_file_atomically(ca_file(), ca.certificate_pem));
        names = make_cares_resolver(io.get_executor(), time);
        server = start(std::move(options), leaf);
    }
    ~https_pair() { stop(); }
    /// Ends all its servers; a further one must not go before.
    void stop() {
        tasks.cancel();
        io.restart();
        while (tasks.size() > 0) io.run_one();
    }
    https_pair(const https_pair&) = delete;
    https_pair& operator=(const https_pair&) = delete;

    static server_options patience(duration idle) {
        server_options out;
        out.idle_limit = idle;
        return out;
    }

    /// One more server with the same handler.
    std::unique_ptr<https_server> start(server_options options, const certificate& with) {
        options.certificate_pem = with.certificate_pem;
        options.private_key_pem = with.private_key_pem;
        auto opened = https_server::listen(io.get_executor(), time, std::move(options), handler());
        REQUIRE(opened);
        tasks.spawn("server", (*opened)->serve());
        return std::move(*opened);
    }
    [[nodiscard]] server_handler handler() {
        return [this](http_request r) { return serve(std::move(r)); };
    }

    [[nodiscard]] std::string ca_file() const { return (directory.path() / "ca.pem").string(); }
    [[nodiscard]] http_endpoint endpoint() {
        http_endpoint to("127.0.0.1", server->port());
        to.trust.ca_file = ca_file();
        return to;
    }
    [[nodiscard]] std::unique_ptr<http_client> client(http_endpoint to, http_client_options options = {}) {
        return std::make_unique<http_client>(io.get_executor(), time, *names, std::move(to), options);
    }
    result<http_response> send(http_client& with, http_request request, duration limit = std::chrono::seconds(20)) {
        return run_awaitable(io, with.send(std::move(request), time.now() + limit));
    }

    os_time time;
    temporary_directory directory;
    boost::asio::io_context io{1};
    certificate ca;
    certificate leaf;
    std::unique_ptr<https_server> server;
    std::unique_ptr<resolver> names;
    std::vector<std::string> seen;  ///< "POST /path" of every request that reached the handler
    task_group tasks;

  private:
    boost::asio::awaitable<server_reply> serve(http_request request) {
        seen.push_back(request.method + " " + request.target);
        co_return answer_(request);
    }

    std::function<server_reply(const http_request&)> answer_;
};

}  // namespace steward::net
