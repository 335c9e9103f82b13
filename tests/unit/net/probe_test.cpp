#include "net/probe.hpp"

#include "loopback.hpp"
#include "net/https_server.hpp"
#include "net/probing.hpp"
#include "runtime/atomic_file.hpp"
#include "support/temporary_directory.hpp"

#include <cerrno>

using namespace steward;
using namespace steward::net;
using namespace steward::net::loopback;
using namespace std::chrono_literals;

namespace {

constexpr duration plenty = 20s;   // for what happens at once
constexpr duration brief = 400ms;  // for what never happens

std::string phases_of(const probe_result& r) {
    std::string out;
    for (const probe_phase& p : r.phases) out += (out.empty() ? "" : " ") + p.name;
    return out;
}

tcp_check tcp_to(const std::string& host, std::uint16_t port, duration limit = plenty) {
    tcp_check check;
    check.host = host;
    check.port = port;
    check.timeout = limit;
    return check;
}

icmp_check icmp_to(const std::string& host, duration limit = plenty) {
    icmp_check check;
    check.host = host;
    check.timeout = limit;
    return check;
}

http_check http_to(const std::string& host, std::uint16_t port, duration limit = plenty) {
    http_check check;
    check.where = http_endpoint(host, port);
    check.where.tls = false;
    check.path = "/health?deep=1";
    check.host_header = "web.example:8080";
    check.timeout = limit;
    return check;
}

asio::awaitable<void> run_for_ever(prober& p, std::vector<probe_result>& results) {
    results.push_back(co_await p.run());
}

/// Answers every connection with fixed bytes and closes it; without bytes it says nothing until the client leaves.
class fixed_server {
  public:
    fixed_server(asio::io_context& io, std::string answer)
        : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          answer_(std::move(answer)),
          tasks_(io.get_executor()) {
        tasks_.spawn("server", serve());
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    void stop(asio::io_context& io) {
        tasks_.cancel();
        run_out(io, tasks_);
    }
    std::string request;
    int connections = 0;
    bool hangs_up = false;

  private:
    asio::awaitable<void> serve() {
        for (;;) {
            tcp::socket peer = co_await acceptor_.async_accept(asio::use_awaitable);
            ++connections;
            boost::system::error_code ec;
            std::array<char, 2048> chunk{};
            while (!ec && request.find("\r\n\r\n") == std::string::npos) {
                const std::size_t n =
                    co_await peer.async_read_some(asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
                request.append(chunk.data(), n);
            }
            if (!answer_.empty()) {
                co_await asio::async_write(peer, asio::buffer(answer_), asio::redirect_error(asio::use_awaitable, ec));
            } else if (!hangs_up) {
                co_await peer.async_read_some(asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
            }
        }
    }

    tcp::acceptor acceptor_;
    std::string answer_;
    task_group tasks_;
};

}  // namespace

TEST_CASE("tcp: what one attempt proves") {
    os_time time;
    asio::io_context io{1};
    tcp::acceptor listening(io,
                            tcp::endpoint(asio::ip::address_v4::loopback(), 0));  // accepts nothing, the kernel does
    const closed_port closed(io);
    const silent_port silent(io);
    const std::uint16_t open = listening.local_endpoint().port();
    struct row {
        const char* name;
        tcp_check check;
        std::vector<std::string> addresses;  // of any name
        verdict answer;
        std::string reason;
        std::string phases;
    };
    const row rows[] = {
        {"listening", tcp_to("127.0.0.1", open), {}, verdict::healthy, "connected", "connect"},
        {"listening, by name",
         tcp_to("web.example", open),
         {"127.0.0.1"},
         verdict::healthy,
         "connected",
         "resolve connect"},
        {"closed", tcp_to("127.0.0.1", closed.number()), {}, verdict::unhealthy, "connection refused", "connect"},
        {"silent",
         tcp_to("127.0.0.1", silent.number(), brief),
         {},
         verdict::unhealthy,
         "no answer within 400ms",
         "connect"},
        {"no such name",
         tcp_to("web.example", open),
         {},
         verdict::unknown,
         "web.example: Domain name not found",
         "resolve"},
        {"no route",
         tcp_to("255.255.255.255", open),
         {},
         verdict::unknown,
         "cannot look: network is unreachable",
         "connect"},
        {"scope is missing", tcp_to("fe80::1", open), {}, verdict::unknown, "cannot look: invalid argument", "connect"},
        {"the second address connects",
         tcp_to("web.example", open),
         {"127.0.0.2", "127.0.0.1"},
         verdict::healthy,
         "connected",
         "resolve connect connect"},
        {"a refusal counts, an address without a route does not",
         tcp_to("web.example", closed.number()),
         {"127.0.0.1", "255.255.255.255"},
         verdict::unhealthy,
         "connection refused",
         "resolve connect connect"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            scripted_names names(r.addresses);
            const probe_result got = await(io, make_prober(r.check, time, names)->run());
            CHECK(got.answer == r.answer);
            CHECK(got.reason == r.reason);
            CHECK(phases_of(got) == r.phases);
            CHECK(got.took > duration::zero());
            CHECK((names.asked > 0) == (r.check.host == "web.example"));
        }
    }
}

TEST_CASE("tcp: a silent address leaves time for the next one") {
    os_time time;
    asio::io_context io{1};
    std::optional<silent_port> silent;
    tcp::acceptor listening(io, tcp::v4());
    boost::system::error_code taken = asio::error::address_in_use;
    for (int attempt = 0; taken && attempt < 100; ++attempt) {
        silent.emplace(io, "127.0.0.2");  // its port has to be free on the other address as well
        listening.bind(tcp::endpoint(asio::ip::address_v4::loopback(), silent->number()), taken);
    }
    REQUIRE(!taken);
    listening.listen();
    scripted_names names({"127.0.0.2", "127.0.0.1"});
    const probe_result got = await(io, make_prober(tcp_to("web.example", silent->number(), 2s), time, names)->run());
    CHECK(got.answer == verdict::healthy);
    CHECK(got.took >= 1s);
}

TEST_CASE("tcp: a check leaves no TIME_WAIT behind") {
    os_time time;
    asio::io_context io{1};
    tcp::acceptor listening(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    scripted_names names({});
    const probe_result got =
        await(io, make_prober(tcp_to("127.0.0.1", listening.local_endpoint().port()), time, names)->run());
    REQUIRE(got.answer == verdict::healthy);
    tcp::socket peer = listening.accept();
    std::array<char, 1> byte{};
    boost::system::error_code ec;
    peer.read_some(asio::buffer(byte), ec);
    CHECK(ec == asio::error::connection_reset);
}

TEST_CASE("probes: only a known answer of the other side counts against it") {
    struct row {
        int number;
        bool is_ours;
    };
    const row rows[] = {
        {ECONNREFUSED, false}, {ECONNRESET, false}, {ETIMEDOUT, false}, {EHOSTUNREACH, false}, {EHOSTDOWN, false},
        {EMFILE, true},        {ENFILE, true},      {ENOBUFS, true},    {ENOMEM, true},        {EADDRNOTAVAIL, true},
        {ENETUNREACH, true},   {ENETDOWN, true},    {EACCES, true},     {EPERM, true},         {EAFNOSUPPORT, true},
        {EINVAL, true},        {EIO, true},
    };
    for (const row& r : rows) {
        const boost::system::error_code ec(r.number, boost::system::system_category());
        INFO(ec.message());
        CHECK(probing::own_trouble(ec).has_value() == r.is_ours);
        CHECK(probing::own_trouble(fault(errc::not_delivered, "connect", ec.message())).has_value() == r.is_ours);
        CHECK(!probing::own_trouble(fault(errc::not_delivered, "write", ec.message())));
        CHECK(!probing::own_trouble(fault(errc::timed_out, "connect", ec.message())));
    }
    CHECK(probing::in_words("Too many open files") == "too many open files");
    CHECK(probing::in_words("TLS alert") == "TLS alert");
    CHECK(probing::in_words("").empty());
}

TEST_CASE("a cancelled probe gives no verdict and leaves nothing behind") {
    os_time time;
    asio::io_context io{1};
    const silent_port silent(io);
    fixed_server mute(io, "");
    scripted_names names({});
    std::vector<std::unique_ptr<prober>> all;
    all.push_back(make_prober(tcp_to("127.0.0.1", silent.number(), 1h), time, names));
    all.push_back(make_prober(http_to("127.0.0.1", mute.port(), 1h), time, names));
    std::vector<probe_result> results;
    task_group tasks(io.get_executor());
    for (const auto& p : all) tasks.spawn("probe", run_for_ever(*p, results));
    while (mute.request.find("\r\n\r\n") == std::string::npos) io.run_one();
    CHECK(tasks.size() == 2);
    tasks.cancel();
    run_out(io, tasks);
    CHECK(results.empty());
    mute.stop(io);
}

TEST_CASE("icmp: loopback answers, or the reason is a missing permission") {
    for (const char* address : {"127.0.0.1", "::1"}) {
        DYNAMIC_SECTION(address) {
            os_time time;
            asio::io_context io{1};
            scripted_names names({address});
            const probe_result got = await(io, make_prober(icmp_to("guest.example"), time, names)->run());
            const bool may = got.answer == verdict::healthy;
            CHECK(got.answer != verdict::unhealthy);
            const std::string forbidden = "no permission for ICMP: net.ipv4.ping_group_range or CAP_NET_RAW";
            CHECK(got.reason == (may ? "echo" : forbidden));
            CHECK(phases_of(got) == "resolve echo");
        }
    }
}

TEST_CASE("icmp: what cannot be sent says nothing about the guest") {
    struct row {
        const char* name;
        std::vector<std::string> addresses;
        std::string reason;
    };
    const row rows[] = {
        {"no such name", {}, "guest.example: Domain name not found"},
        {"not a host", {"255.255.255.255"}, ""},
        {"scope is missing", {"fe80::1"}, ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            os_time time;
            asio::io_context io{1};
            scripted_names names(r.addresses);
            const probe_result got = await(io, make_prober(icmp_to("guest.example", 1s), time, names)->run());
            CHECK(got.answer == verdict::unknown);
            CHECK(!got.reason.empty());
            if (!r.reason.empty()) CHECK(got.reason == r.reason);
        }
    }
}

TEST_CASE("icmp: many at once do not take each other's replies") {
    os_time time;
    asio::io_context io{1};
    scripted_names names({});
    std::vector<std::unique_ptr<prober>> all;
    std::vector<probe_result> results;
    task_group tasks(io.get_executor());
    for (int i = 0; i < 50; ++i) {
        all.push_back(make_prober(icmp_to("127.0.0.1"), time, names));
        tasks.spawn("probe", run_for_ever(*all.back(), results));
    }
    run_out(io, tasks);
    REQUIRE(results.size() == 50);
    for (const probe_result& r : results) CHECK(r.answer == results.front().answer);
    CHECK(results.front().answer != verdict::unhealthy);
}

TEST_CASE("http: what one attempt proves") {
    struct row {
        const char* name;
        std::string answer;  // none: silence
        verdict answered;
        std::string reason;
        std::string phases;
    };
    const std::string big(200'000, 'x');
    const row rows[] = {
        {"200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", verdict::healthy, "status 200", "connect first_byte"},
        {"204", "HTTP/1.1 204 No Content\r\n\r\n", verdict::healthy, "status 204", "connect first_byte"},
        {"a redirect is not followed", "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
         verdict::healthy, "status 302", "connect first_byte"},
        {"until the connection closes", "HTTP/1.0 200 OK\r\n\r\nall of it", verdict::healthy, "status 200",
         "connect first_byte"},
        {"more than we read", "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + big, verdict::healthy, "status 200",
         "connect first_byte"},
        {"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", verdict::unhealthy,
         "status 404, wanted 200-399,418", "connect first_byte"},
        {"503", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", verdict::unhealthy,
         "status 503, wanted 200-399,418", "connect first_byte"},
        {"a status of its own", "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n", verdict::healthy, "status 418",
         "connect first_byte"},
        {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", verdict::unhealthy, "does not speak HTTP",
         "connect first_byte"},
        {"half a header", "HTTP/1.1 200 OK\r\nContent-", verdict::unhealthy,
         "the server closed the connection in the middle of its answer", "connect first_byte"},
        {"silence", "", verdict::unhealthy, "no answer within 400ms", "connect"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            os_time time;
            asio::io_context io{1};
            fixed_server server(io, r.answer);
            scripted_names names({});
            http_check check = http_to("127.0.0.1", server.port(), r.answer.empty() ? brief : plenty);
            check.good_status = {{200, 399}, {418, 418}};
            const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
            CHECK(got.answer == r.answered);
            CHECK(got.reason == r.reason);
            CHECK(phases_of(got) == r.phases);
            CHECK(server.connections == 1);
            server.stop(io);
        }
    }
}

TEST_CASE("http: who it asks, and how") {
    os_time time;
    asio::io_context io{1};
    fixed_server server(io, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    scripted_names names({"127.0.0.1"});
    const probe_result got = await(io, make_prober(http_to("web.example", server.port()), time, names)->run());
    server.stop(io);
    CHECK(got.answer == verdict::healthy);
    CHECK(phases_of(got) == "resolve connect first_byte");
    CHECK(names.asked == 1);
    CHECK(server.request.starts_with("GET /health?deep=1 HTTP/1.1\r\n"));
    for (const char* line : {"\r\nHost: web.example:8080\r\n", "\r\nUser-Agent: steward\r\n", "\r\nAccept: */*\r\n",
                             "\r\nConnection: close\r\n"})
        CHECK_THAT(server.request, Catch::Contains(line));
    CHECK(server.request.find("Connection: keep-alive") == std::string::npos);
}

TEST_CASE("http: an attempt that does not come to an answer") {
    os_time time;
    asio::io_context io{1};
    const closed_port closed(io);
    const silent_port silent(io);
    fixed_server hangs_up(io, "");
    hangs_up.hangs_up = true;
    struct row {
        const char* name;
        http_check check;
        verdict answer;
        std::string reason;
    };
    const row rows[] = {
        {"closed", http_to("127.0.0.1", closed.number()), verdict::unhealthy, "connection refused"},
        {"silent", http_to("127.0.0.1", silent.number(), brief), verdict::unhealthy, "no answer within 400ms"},
        {"hangs up", http_to("127.0.0.1", hangs_up.port()), verdict::unhealthy, "the server closed the connection"},
        {"no such name", http_to("web.example", 80), verdict::unknown, "web.example: Domain name not found"},
        {"no route", http_to("255.255.255.255", 80), verdict::unknown, "cannot look: network is unreachable"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            scripted_names names({});
            const probe_result got = await(io, make_prober(r.check, time, names)->run());
            CHECK(got.answer == r.answer);
            CHECK(got.reason == r.reason);
        }
    }
    hangs_up.stop(io);
}

namespace {

asio::awaitable<server_reply> say_ok(http_request) {
    server_reply out;
    out.body = "ok";
    co_return out;
}

}  // namespace

TEST_CASE("https: only the server that was meant is healthy") {
    os_time time;
    asio::io_context io{1};
    const temporary_directory disk;
    const auto ca = make_certificate("test CA", {}, certificate());
    REQUIRE(ca);
    const auto own = make_certificate("web.example", {"web.example"}, *ca);
    const auto stranger = make_certificate("another CA", {}, certificate());
    REQUIRE(own);
    REQUIRE(stranger);
    const std::string good = (disk.path() / "good.pem").string();
    const std::string bad = (disk.path() / "bad.pem").string();
    REQUIRE(write_file_atomically(good, ca->certificate_pem));
    REQUIRE(write_file_atomically(bad, stranger->certificate_pem));
    server_options options;
    options.certificate_pem = own->certificate_pem;
    options.private_key_pem = own->private_key_pem;
    auto server = https_server::listen(io.get_executor(), time, std::move(options), say_ok);
    REQUIRE(server);
    task_group tasks(io.get_executor());
    tasks.spawn("server", (*server)->serve());

    struct row {
        const char* name;
        std::string host;
        std::string ca_file;
        verdict answer;
        std::string reason;  // part of it
        std::string phases;
    };
    const row rows[] = {
        {"its CA", "web.example", good, verdict::healthy, "status 200", "resolve connect tls first_byte"},
        {"another CA", "web.example", bad, verdict::unhealthy, "is not trusted", "resolve connect"},
        {"another name", "mail.example", good, verdict::unhealthy, "certificate of mail.example", "resolve connect"},
        {"a CA file that is gone", "web.example", good + ".gone", verdict::unknown, "cannot read", "resolve"},
    };
    for (const row& r : rows) {
        INFO(r.name);
        scripted_names names({"127.0.0.1"});
        http_check check = http_to(r.host, (*server)->port());
        check.where.tls = true;
        check.where.trust.ca_file = r.ca_file;
        const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
        CHECK(got.answer == r.answer);
        CHECK_THAT(got.reason, Catch::Contains(r.reason));
        CHECK(phases_of(got) == r.phases);
    }
    tasks.cancel();
    run_out(io, tasks);
}
