#include "net/http_client.hpp"
#include "scripted_server.hpp"

using namespace steward;
using namespace steward::net;
using namespace steward::net::loopback;
using namespace std::chrono_literals;
using script = scripted_server::script;
using then = scripted_server::step::then;

namespace {

constexpr duration plenty = 20s;
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok";

/// "200", "outcome_unknown"
std::string outcome(const result<http_response>& r) { return r ? std::to_string(r->status) : name_of(r.error().code); }

asio::awaitable<void> note(http_client& through, http_request request, time_point deadline,
                           std::vector<std::string>& notes) {
    const std::string name = request.target;
    const auto got = co_await through.send(std::move(request), deadline);
    notes.push_back(name + " " + outcome(got));
}

/// One scripted server and one client of it.
struct wire {
    explicit wire(std::vector<scripted_server::script> scripts, http_client_options options = http_client_options())
        : names({"127.0.0.1"}),
          server(io, std::move(scripts)),
          client(std::make_unique<http_client>(io.get_executor(), time, names, server.endpoint(), options)),
          tasks(io.get_executor()) {}
    ~wire() {
        tasks.cancel();
        run_out(io, tasks);
        client.reset();
    }

    result<http_response> send(const std::string& method, const std::string& target = "/x", duration limit = plenty) {
        return await(io, client->send(http_request(method, target), time.now() + limit));
    }
    void start(const std::string& method, const std::string& target, duration limit = plenty) {
        tasks.spawn(target, note(*client, http_request(method, target), time.now() + limit, notes));
    }
    template <class Predicate>
    void run_until(Predicate holds) {
        io.restart();
        while (!holds()) io.run_one();
    }

    os_time time;
    asio::io_context io{1};
    scripted_names names;
    scripted_server server;
    std::unique_ptr<http_client> client;
    std::vector<std::string> notes;
    task_group tasks;
};

}  // namespace

TEST_CASE("client: how an answer on the wire is understood") {
    struct row {
        const char* name;
        std::string answer;
        then after;
        std::string outcome;
        std::string reason;
        std::string body;
    };
    const row rows[] = {
        {"ordinary", ok, then::go_on, "200", "OK", "ok"},
        {"a pseudo code with foreign bytes",
         "HTTP/1.1 596 tls_process: \xc3\xa4 \xff (x=1)\r\nContent-Length: 0\r\n\r\n", then::go_on, "596",
         "tls_process: \xc3\xa4 \xff (x=1)", ""},
        {"no route behind the proxy", "HTTP/1.1 595 No route to host\r\nConnection: close\r\n\r\n", then::close, "595",
         "No route to host", ""},
        {"empty 401 of PVE: no length, closed", "HTTP/1.1 401 No ticket\r\nConnection: close\r\n\r\n", then::close,
         "401", "No ticket", ""},
        {"an empty reason: the usual one", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", then::go_on, "200", "OK", ""},
        {"a reason of 4000 bytes", "HTTP/1.1 500 " + std::string(4000, 'r') + "\r\nContent-Length: 0\r\n\r\n",
         then::go_on, "500", std::string(4000, 'r'), ""},
        {"until the end", "HTTP/1.0 200 OK\r\n\r\nall of it", then::close, "200", "OK", "all of it"},
        {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", then::go_on,
         "200", "OK", "abc"},
        {"nothing to say", "HTTP/1.1 204 No Content\r\n\r\n", then::go_on, "204", "No Content", ""},
        {"interim answers first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok,
         then::go_on, "200", "OK", "ok"},
        {"nothing but an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", then::close, "outcome_unknown", "", ""},
        {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", then::go_on, "garbage", "", ""},
        {"a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", then::go_on, "garbage", "", ""},
        {"announced longer than the limit", "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n", then::wait, "garbage",
         "", ""},
        {"longer than the limit without a length", "HTTP/1.0 200 OK\r\n\r\n" + std::string(70000, 'x'), then::close,
         "garbage", "", ""},
        {"a header without an end", "HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'x'), then::wait, "garbage", "", ""},
        {"half a header", "HTTP/1.1 200 OK\r\nContent-", then::close, "outcome_unknown", "", ""},
        {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", then::close, "outcome_unknown", "", ""},
        {"a body that ends in a reset", "HTTP/1.0 200 OK\r\n\r\nall of", then::reset, "outcome_unknown", "", ""},
        {"closed without a byte", "", then::close, "outcome_unknown", "", ""},
        {"reset without a byte", "", then::reset, "outcome_unknown", "", ""},
    };
    http_client_options options;
    options.max_body = 65536;
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            wire w({script{{r.answer, r.after}}}, options);
            const auto got = w.send("POST");
            CHECK(outcome(got) == r.outcome);
            CHECK(w.server.requests.size() == 1);
            if (got) {
                CHECK(got->reason == r.reason);
                CHECK(got->body == r.body);
            } else {
                CHECK(!got.error().detail.empty());
            }
        }
    }
}

TEST_CASE("client: what it sends") {
    wire w({script{ok, ok, ok, ok}});
    http_request post("POST", "/api2/json/x?y=%20");
    post.headers.emplace_back("Authorization", "PVEAPIToken=t");
    post.body = "a=1";
    REQUIRE(await(w.io, w.client->send(std::move(post), w.time.now() + plenty)));
    http_request get("GET", "/");
    get.headers.emplace_back("HOST", "web.example:8080");
    REQUIRE(await(w.io, w.client->send(std::move(get), w.time.now() + plenty)));
    REQUIRE(w.send("PUT"));
    REQUIRE(w.send("DELETE", "/x?purge=1"));
    const std::string host = "Host: 127.0.0.1:" + std::to_string(w.server.endpoint().port) + "\r\n";
    CHECK(w.server.requests ==
          std::vector<std::string>{
              "POST /api2/json/x?y=%20 HTTP/1.1\r\n" + host +
                  "Authorization: PVEAPIToken=t\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\na=1",
              "GET / HTTP/1.1\r\nHOST: web.example:8080\r\nConnection: keep-alive\r\n\r\n",
              "PUT /x HTTP/1.1\r\n" + host + "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n",
              "DELETE /x?purge=1 HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n"});
    CHECK(w.server.connections == 1);
}

TEST_CASE("client: when a connection is used again") {
    struct row {
        const char* name;
        std::function<void(http_client_options&)> how;
        std::string first;
        std::size_t connections;  // for three requests
    };
    const row rows[] = {
        {"as long as both sides like", [](http_client_options&) {}, ok, 1},
        {"not after the idle limit", [](http_client_options& o) { o.idle_limit = 0s; }, ok, 3},
        {"only so many times", [](http_client_options& o) { o.requests_per_connection = 2; }, ok, 2},
        {"not when the server says so", [](http_client_options&) {},
         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 2},
        {"not with HTTP/1.0", [](http_client_options&) {}, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 2},
        {"not with bytes too many", [](http_client_options&) {}, ok + "and more", 2},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            http_client_options options;
            r.how(options);
            wire w({script{r.first, ok, ok}, script{ok, ok, ok}}, options);
            for (int i = 0; i < 3; ++i) CHECK(outcome(w.send("POST")) == "200");
            CHECK(w.server.connections == r.connections);
            CHECK(w.server.requests.size() == 3);
        }
    }
}

TEST_CASE("client: idle connections close on request") {
    wire w({script{ok, ok}});
    REQUIRE(w.send("GET"));
    w.client->close_idle();
    w.run_until([&] { return w.server.ended == 1; });
    REQUIRE(w.send("GET"));
    CHECK(w.server.connections == 2);
}

TEST_CASE("client: an idle connection that the server closed is nobody's business") {
    for (const then how : {then::close, then::reset}) {
        for (const char* method : {"GET", "POST"}) {
            DYNAMIC_SECTION(method << (how == then::close ? " closed" : " reset")) {
                wire w({script{{ok, how}}, script{ok}});
                REQUIRE(w.send("GET"));
                w.run_until([&] { return w.server.ended == 1; });
                CHECK(outcome(w.send(method)) == "200");
                CHECK(w.server.connections == 2);
                CHECK(w.server.requests.size() == 2);
            }
        }
    }
}

TEST_CASE("client: closed in the face of a request on a used connection") {
    for (const then how : {then::close, then::reset}) {
        DYNAMIC_SECTION((how == then::close ? "closed" : "reset")) {
            wire w({script{ok, {"", how}}, script{ok}});
            REQUIRE(w.send("GET", "/first"));
            SECTION("a GET is asked again") {
                CHECK(outcome(w.send("GET", "/again")) == "200");
                CHECK(w.server.requests.size() == 3);
                CHECK(w.server.connections == 2);
            }
            SECTION("a POST may have been carried out: never again") {
                CHECK(outcome(w.send("POST", "/start")) == "outcome_unknown");
                CHECK(w.server.requests.size() == 2);
                CHECK(w.server.connections == 1);
            }
            SECTION("nor PUT and DELETE") {
                CHECK(outcome(w.send("DELETE", "/x")) == "outcome_unknown");
                CHECK(w.server.connections == 1);
            }
        }
    }
}

TEST_CASE("client: only once more, and only before the answer began") {
    SECTION("a fresh connection is not tried twice") {
        wire w({script{{"", then::close}}});
        CHECK(outcome(w.send("GET")) == "outcome_unknown");
        CHECK(w.server.connections == 1);
    }
    SECTION("the second attempt is the last one") {
        wire w({script{ok, {"", then::close}}, script{{"", then::close}}});
        REQUIRE(w.send("GET"));
        CHECK(outcome(w.send("GET")) == "outcome_unknown");
        CHECK(w.server.connections == 2);
    }
    SECTION("half an answer is not asked for again") {
        wire w({script{ok, {"HTTP/1.1 200 OK\r\n", then::close}}, script{ok}});
        REQUIRE(w.send("GET"));
        CHECK(outcome(w.send("GET")) == "outcome_unknown");
        CHECK(w.server.connections == 1);
    }
}

TEST_CASE("client: the deadline") {
    const std::string partial = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    SECTION("in the middle of the body") {
        wire w({script{{partial, then::wait}}});
        const auto got = w.send("GET", "/x", 150ms);
        CHECK(outcome(got) == "outcome_unknown");
        w.run_until([&] { return w.server.ended == 1; });
    }
    SECTION("before the answer") {
        wire w({script{{"", then::wait}}});
        CHECK(outcome(w.send("GET", "/x", 150ms)) == "outcome_unknown");
        w.run_until([&] { return w.server.ended == 1; });
    }
    SECTION("before anything was written") {
        wire w({script{ok}});
        CHECK(outcome(w.send("POST", "/x", -1s)) == "not_delivered");
        CHECK(w.server.requests.empty());
    }
    SECTION("before anything was written, on a used connection") {
        wire w({script{ok, ok}});
        REQUIRE(w.send("GET"));
        CHECK(outcome(w.send("POST", "/x", -1s)) == "not_delivered");
        CHECK(w.server.requests.size() == 1);
    }
}

TEST_CASE("client: cancelled callers close their connection and nothing else") {
    wire w({script{{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", then::wait}}, script{ok, ok}});
    w.start("POST", "/x");
    w.run_until([&] { return w.server.answered == 1; });
    w.tasks.cancel();
    run_out(w.io, w.tasks);
    CHECK(w.notes.empty());
    w.run_until([&] { return w.server.ended == 1; });
    CHECK(outcome(w.send("POST")) == "200");
}

TEST_CASE("client: nobody there") {
    os_time time;
    asio::io_context io{1};
    const closed_port closed(io);
    const silent_port silent(io);
    struct row {
        const char* name;
        std::uint16_t port;
        std::vector<std::string> addresses;
        std::string detail;  // part of it
    };
    const row rows[] = {
        {"refused", closed.number(), {"127.0.0.1"}, "Connection refused"},
        {"no such name", closed.number(), {}, "Domain name not found"},
        {"silent", silent.number(), {"127.0.0.1"}, "no connection in time"},
        {"a refusal is worth more than an address without a route",
         closed.number(),
         {"127.0.0.1", "255.255.255.255"},
         "Connection refused"},
        {"no route at all", closed.number(), {"255.255.255.255"}, "Network is unreachable"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            scripted_names names(r.addresses);
            http_client_options options;
            options.connect_limit = 200ms;
            http_client client(io.get_executor(), time, names, http_endpoint("n1.example", r.port), options);
            const auto got = await(io, client.send(http_request("POST", "/x"), time.now() + plenty));
            CHECK(outcome(got) == "not_delivered");
            if (!got) CHECK_THAT(got.error().text(), Catch::Contains(r.detail));
        }
    }
}

TEST_CASE("client: the next address is tried when one refuses") {
    os_time time;
    asio::io_context io{1};
    scripted_server server(io, {script{ok}});
    scripted_names names({"127.0.0.2", "127.0.0.1"});
    http_endpoint where = server.endpoint();
    where.host = "n1.example";
    http_client client(io.get_executor(), time, names, where, http_client_options());
    CHECK(outcome(await(io, client.send(http_request("GET", "/x"), time.now() + plenty))) == "200");
}

TEST_CASE("client: more callers than connections wait in line") {
    http_client_options options;
    options.max_connections = 1;
    wire w({script{ok, ok, ok}}, options);
    for (const char* who : {"/a", "/b", "/c"}) w.start("POST", who);
    run_out(w.io, w.tasks);
    CHECK(w.notes == std::vector<std::string>{"/a 200", "/b 200", "/c 200"});
    CHECK(w.server.connections == 1);
}

TEST_CASE("client: waiting in line can be given up") {
    http_client_options options;
    options.max_connections = 1;
    wire w({script{{"", then::wait}}, script{ok, ok}}, options);
    task_group first(w.io.get_executor());
    first.spawn("first", note(*w.client, http_request("POST", "/first"), w.time.now() + 1h, w.notes));
    w.run_until([&] { return w.server.answered == 1; });
    SECTION("by the deadline") {
        CHECK(outcome(w.send("POST", "/late", 100ms)) == "not_delivered");
        CHECK(w.server.requests.size() == 1);
    }
    SECTION("by cancellation") {
        w.start("POST", "/waiting");
        w.io.poll();
        w.tasks.cancel();
        run_out(w.io, w.tasks);
        CHECK(w.notes.empty());
    }
    first.cancel();
    run_out(w.io, first);
    CHECK(outcome(w.send("POST", "/next")) == "200");
}

TEST_CASE("client: a place that was granted to a cancelled caller is not lost") {
    // The grant and the cancellation meet somewhere on the way: tries every distance between them.
    for (int steps = 0; steps < 30; ++steps) {
        INFO("steps " << steps);
        http_client_options options;
        options.max_connections = 1;
        wire w({script{ok, ok, ok}}, options);
        w.start("GET", "/first");
        task_group second(w.io.get_executor());
        second.spawn("second", note(*w.client, http_request("GET", "/second"), w.time.now() + plenty, w.notes));
        w.run_until([&] { return !w.notes.empty(); });
        for (int i = 0; i < steps; ++i) w.io.poll_one();
        second.cancel();
        run_out(w.io, second);
        CHECK(outcome(w.send("GET", "/third")) == "200");
    }
}

TEST_CASE("client: it may go while its requests are under way") {
    wire w({script{{"", then::wait}}, script{ok}});
    w.start("POST", "/x", 150ms);
    w.run_until([&] { return w.server.answered == 1; });
    w.client.reset();
    run_out(w.io, w.tasks);
    CHECK(w.notes == std::vector<std::string>{"/x outcome_unknown"});
}
