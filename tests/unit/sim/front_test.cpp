#include "net/http_client.hpp"
#include "pve/https_transport.hpp"
#include "runtime/task_group.hpp"
#include "sim/drive.hpp"
#include "sim/front/https_front.hpp"
#include "sim/front/simulator.hpp"
#include "sim/front/wire.hpp"
#include "small_cluster.hpp"
#include "support/temporary_directory.hpp"
#include "unit/net/loopback.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <catch2/catch.hpp>
#include <filesystem>
#include <future>
#include <optional>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

/// Everything here has an address instead of a name.
class literal_resolver final : public net::resolver {
  public:
    boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> resolve(std::string name, net::address_family,
                                                                                  time_point) override {
        co_return std::vector<boost::asio::ip::address>{boost::asio::ip::make_address(name)};
    }
};

template <class T>
boost::asio::awaitable<void> keep(boost::asio::awaitable<T> work, std::optional<T>& into) {
    into.emplace(co_await std::move(work));
}

net::http_endpoint endpoint_of(const std::string& url) {
    const std::size_t colon = url.rfind(':');
    const std::size_t host = url.find("//") + 2;
    net::http_endpoint where(url.substr(host, colon - host),
                             static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1))));
    where.tls = url.starts_with("https");
    return where;
}

/// A simulator as `steward simulate serve` runs it, fifty times as fast, and a client outside of it.
class served {
  public:
    explicit served(std::vector<std::string> addresses = {"127.0.0.1"}) : tasks(io.get_executor()) {
        simulator_options wanted;
        wanted.addresses = std::move(addresses);
        wanted.model = small_options();
        for (guest_options& g : wanted.model.guests) g.port = 0;
        wanted.port = 0;
        wanted.speed = 50;
        wanted.directory = disk.path();
        auto opened = simulator::open(io.get_executor(), time, std::move(wanted));
        REQUIRE(opened);
        it = std::move(*opened);
        tasks.spawn("simulator", it->run());
        ready = boost::json::parse(it->ready_line());
    }
    ~served() {
        tasks.cancel();
        std::optional<result<void>> closed;
        task_group closing(io.get_executor());
        closing.spawn("close", end(closed));
        while (!closed) io.run_one();
        it.reset();
    }
    served(const served&) = delete;
    served& operator=(const served&) = delete;

    boost::asio::awaitable<void> end(std::optional<result<void>>& done) {
        co_await tasks.join();
        co_await it->close();
        done.emplace(result<void>());
    }

    template <class T>
    T wait(boost::asio::awaitable<T> work) {
        std::optional<T> answer;
        tasks.spawn("question", keep(std::move(work), answer));
        while (!answer.has_value()) REQUIRE(io.run_one_for(20s) == 1);
        return std::move(*answer);
    }

    [[nodiscard]] std::string url(std::size_t node) const {
        return std::string(ready.at("nodes").at(node).at("url").as_string());
    }
    [[nodiscard]] std::string service(std::size_t guest) const {
        return "http://" + std::string(ready.at("guests").at(guest).at("address").as_string());
    }

    result<net::http_response> send(const std::string& base, net::http_request request) {
        net::http_endpoint where = endpoint_of(base);
        where.trust.ca_file = std::string(ready.at("ca_file").as_string());
        net::http_client client(io.get_executor(), time, names, std::move(where), net::http_client_options());
        auto answer = wait(client.send(std::move(request), time.now() + 15s));
        client.close_idle();
        return answer;
    }

    result<net::http_response> call(const std::string& line, std::string body = {}, std::size_t node = 0) {
        const std::size_t blank = line.find(' ');
        net::http_request request(line.substr(0, blank), line.substr(blank + 1));
        request.headers.emplace_back("Authorization", root_token);
        if (!body.empty()) request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        request.body = std::move(body);
        return send(url(node), std::move(request));
    }

    result<std::string> fault(const std::string& command) {
        // The command blocks its own thread, like the process that it is for.
        auto answer = std::async(std::launch::async, [this, command] { return send_fault(disk.path(), command); });
        while (answer.wait_for(0s) != std::future_status::ready) io.run_one_for(10ms);
        return answer.get();
    }

    temporary_directory disk;
    os_time time;
    literal_resolver names;
    std::unique_ptr<simulator> it;
    boost::asio::io_context io{1};
    task_group tasks;
    boost::json::value ready;
};

}  // namespace

TEST_CASE("what pveproxy refuses before it asks anybody") {
    struct row {
        const char* capture;
        const char* method;
        const char* target;
        net::http_headers headers;
        const char* body;
        int status;
        const char* reason;
        bool has_body;
    };
    const std::pair<std::string, std::string> root("Authorization", root_token);
    const row rows[] = {
        {"proto-05-head", "HEAD", "/api2/json/version", {root}, "", 501, "method 'HEAD' not available", false},
        {"proto-38-lowercase-get", "get", "/api2/json/version", {root}, "", 501, "method 'get' not available", false},
        {"proto-28-chunked-request",
         "POST",
         "/api2/json/version",
         {root, {"Transfer-Encoding", "chunked"}},
         "",
         501,
         "chunked transfer encoding not supported",
         true},
        {"proto-22-post-too-large",
         "POST",
         "/api2/json/version",
         {root, {"Content-Length", "614416"}},
         "",
         501,
         "for data too large",
         true},
        {"pve-facts B.2",
         "DELETE",
         "/api2/json/nodes/n1/lxc/110",
         {root, {"Content-Length", "7"}},
         "purge=1",
         501,
         "Unexpected content for method 'DELETE'",
         true},
        {"pve-facts B.2",
         "POST",
         "/api2/json/version",
         {root, {"Content-Length", "1"}, {"Content-Type", "text/plain"}},
         "x",
         506,
         "upload 'Content-Type 'text/plain' not implemented",
         true},
        {"proto-16-unknown-format",
         "GET",
         "/api2/xml/version",
         {root},
         "",
         501,
         "no formatter for uri /version, xml",
         true},
        {"credentials come before the body",
         "DELETE",
         "/api2/json/version",
         {{"Content-Length", "7"}},
         "purge=1",
         401,
         "No ticket",
         false},
        {"json body",
         "POST",
         "/api2/json/nodes/n1/lxc/110/status/start",
         {root, {"Content-Length", "14"}, {"Content-Type", "application/json"}},
         "{\"debug\":true}",
         200,
         "OK",
         true},
        {"proto-25-invalid-json-body",
         "POST",
         "/api2/json/nodes/n1/lxc/110/status/start",
         {root, {"Content-Length", "9"}, {"Content-Type", "application/json"}},
         "{\"debug\":",
         500,
         "malformed JSON string, neither tag, array, object, number, string or atom, at character offset 9 (before "
         "\"(end of string)\") at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 917.",
         true},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.capture << " " << r.method << " " << r.reason) {
            cluster model(small_options());
            net::http_request request(r.method, r.target);
            request.headers = r.headers;
            request.body = r.body;
            const wire::answer given = wire::serve(model, node_name("n1"), request);
            CHECK(given.reply.status == r.status);
            CHECK(given.reply.reason == r.reason);
            CHECK(given.reply.body.empty() != r.has_body);
            CHECK(given.reply.omit_length != r.has_body);
            CHECK(given.reply.close_after == (r.status >= 400));
        }
    }
}

TEST_CASE("over the wire: status lines, bodies and headers of PVE 8.4.1") {
    struct row {
        const char* capture;
        const char* line;
        const char* body;  // sent
        int status;
        const char* reason;
        const char* answer;  // a part of it
    };
    const row rows[] = {
        {"auth-24-token-ok", "GET /api2/json/version", "", 200, "OK", R"("repoid":"2a5fa54a8503f96d")"},
        {"proto-18-double-slash", "GET /api2/json//nodes", "", 200, "OK", R"("ssl_fingerprint":)"},
        {"proto-20-api2-json-no-slash", "GET /api2/json", "", 200, "OK", R"({"subdir":"version"})"},
        {"proto-12-extjs-format-ok", "GET /api2/extjs/version", "", 200, "OK", R"("success":1)"},
        {"proto-13-extjs-format-error", "GET /api2/extjs/nodes/n1/lxc/999/config", "", 200, "OK", R"("status":500)"},
        {"proto-16-unknown-format", "GET /api2/xml/version", "", 501, "no formatter for uri /version, xml",
         "no formatter for uri /version, xml"},
        {"proto-34-query-on-post", "POST /api2/json/nodes/n1/lxc/110/status/start?debug=1", "", 200, "OK",
         "vzstart:110:root@pam!full:"},
        {"form body", "POST /api2/json/nodes/n1/lxc/110/status/start", "debug=maybe&_dc=1", 400,
         "Parameter verification failed.", "got 'maybe'"},
        {"clu-13-proxied-start", "POST /api2/json/nodes/n2/lxc/102/status/stop", "", 200, "OK", R"("UPID:n2:)"},
    };
    served s;
    for (const row& r : rows) {
        INFO(r.capture);
        const auto answer = s.call(r.line, r.body);
        REQUIRE(answer);
        CHECK(answer->status == r.status);
        CHECK(answer->reason == r.reason);
        CHECK(answer->body.find(r.answer) != std::string::npos);
        CHECK(answer->header("Server") == "pve-api-daemon/3.0");
        CHECK(answer->header("Connection") == (r.status >= 400 ? "close" : "Keep-Alive"));
    }
}

TEST_CASE("over the wire: nobody without credentials, and late") {
    served s;
    net::http_request request("GET", "/api2/json/nosuch/thing");
    const time_point begun = s.time.now();
    const auto answer = s.send(s.url(0), std::move(request));
    REQUIRE(answer);
    CHECK(answer->status == 401);
    CHECK(answer->reason == "No ticket");
    CHECK(answer->body.empty());
    CHECK(answer->header("Content-Length").empty());
    CHECK(s.time.now() - begun >= 3s / 50);
}

TEST_CASE("guests are real sockets that follow the model") {
    served s;
    const net::http_request get("GET", "/");
    const auto up = s.send(s.service(0), get);
    REQUIRE(up);
    CHECK(up->status == 200);
    CHECK(up->body == "ok ct101 on n1 tags \n");
    REQUIRE(s.fault("guest ct101 crash"));
    CHECK(s.send(s.service(0), get).error().code == errc::not_delivered);
    REQUIRE(s.call("POST /api2/json/nodes/n1/lxc/101/status/stop"));
    s.it->model().advance_to(s.it->model().now() + 5s);
    REQUIRE(s.call("POST /api2/json/nodes/n1/lxc/101/status/start"));
    s.it->model().advance_to(s.it->model().now() + 4s);
    while (s.it->model().service_of(ct101) != service_state::healthy) s.io.run_one();
    s.io.poll();
    CHECK(s.send(s.service(0), get)->status == 200);
    REQUIRE(s.fault("guest ct101 refuse"));
    CHECK(s.send(s.service(0), get)->status == 503);
}

TEST_CASE("a node that is off has no open port, and gets the same one back") {
    served s;
    REQUIRE(s.call("GET /api2/json/version", "", 1)->status == 200);
    REQUIRE(s.fault("power n2 off"));
    CHECK(s.call("GET /api2/json/version", "", 1).error().code == errc::not_delivered);
    const auto through_n1 = s.call("GET /api2/json/nodes/n2/status");
    CHECK(through_n1->status == 595);
    CHECK(through_n1->body.empty());
    REQUIRE(s.fault("power n2 on"));
    // The old server may still be letting go of the port.
    auto back = s.call("GET /api2/json/version", "", 1);
    for (int i = 0; i < 1000 && !back; ++i) back = s.call("GET /api2/json/version", "", 1);
    REQUIRE(back);
    CHECK(back->status == 200);
}

TEST_CASE("every node at an address of its own, which is in its certificate") {
    served s({"127.0.0.1", "127.0.0.2", "127.0.0.3"});
    CHECK(s.url(0).starts_with("https://127.0.0.1:"));
    CHECK(s.url(1).starts_with("https://127.0.0.2:"));
    CHECK(s.call("GET /api2/json/version", "", 2)->status == 200);
    REQUIRE(s.fault("tls n3 change"));
    CHECK(s.call("GET /api2/json/version", "", 2)->status == 200);

    temporary_directory elsewhere;
    simulator_options too_few;
    too_few.model = small_options();
    too_few.addresses = {"127.0.0.1", "127.0.0.2"};
    too_few.port = 0;
    too_few.directory = elsewhere.path();
    const auto refused = simulator::open(s.io.get_executor(), s.time, std::move(too_few));
    CHECK(refused.error().code == errc::invalid);
    CHECK(refused.error().detail == "2 addresses for 3 nodes: give one for all, or one for each");
}

TEST_CASE("over the wire: the product's transport logs in, shows its CSRF token, and passes over a dead endpoint") {
    served s;
    pve::credentials who;
    who.user = "root@pam";
    who.password = "simulated";
    std::string outcome = "200 200";
    SECTION("the right password") {}
    SECTION("a wrong one") {
        who.password = "wrong";
        outcome = "unauthorized unauthorized";
    }
    const net::loopback::closed_port closed(s.io);
    const net::http_endpoint dead("127.0.0.1", closed.number());
    net::http_endpoint alive = endpoint_of(s.url(0));
    alive.trust.ca_file = std::string(s.ready.at("ca_file").as_string());
    random_source chance(1);
    pve::https_transport transport(s.io.get_executor(), s.time, chance, s.names, std::vector{dead, alive}, who,
                                   pve::https_options());
    std::string got;
    for (const pve::request& call :
         {pve::request(pve::verb::get, "/version"), pve::request(pve::verb::create, "/nodes/n1/lxc/101/status/stop")}) {
        const auto answer = s.wait(transport.send(call, s.time.now() + 15s));
        got += got.empty() ? "" : " ";
        got += answer ? std::to_string(answer->status) : name_of(answer.error().code);
    }
    CHECK(got == outcome);
}

TEST_CASE("the simulator's directory and its control socket") {
    served s;
    const auto mode = std::filesystem::status(s.disk.path() / "token").permissions();
    CHECK((mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
          std::filesystem::perms::none);
    const auto home = s.disk.path() / "pve/nodes/n1/lxc/101.conf";
    REQUIRE(std::filesystem::exists(home));
    std::filesystem::create_directories(s.disk.path() / "pve/priv/steward/parked");
    std::filesystem::rename(home, s.disk.path() / "pve/priv/steward/parked/101.n1.g2.conf");
    const auto text = s.fault("status");
    REQUIRE(text);
    const auto status = boost::json::parse(*text);
    const auto& guest = status.at("guests").at("ct/101");
    CHECK(guest.at("node").is_null());
    CHECK(guest.at("running_on").at(0) == "n1");
    CHECK(guest.at("parked").at(0) == "priv/steward/parked/101.n1.g2.conf");
    CHECK(guest.at("volumes").at("n1").at(0) == "local-lvm:vm-101-disk-0");
    CHECK(status.at("calls").at("writes") == 0);
    CHECK(s.fault("guest ct101 fly").error().code == errc::invalid);
    CHECK(send_fault(s.disk.path() / "nowhere", "status").error().code == errc::unavailable);
    simulator_options second;
    second.model = small_options();
    second.directory = s.disk.path();
    second.port = 0;
    CHECK(simulator::open(s.io.get_executor(), s.time, second).error().code == errc::exists);
}
