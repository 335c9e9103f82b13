#include "pve/file_transfer.hpp"

#include "bulk_server.hpp"
#include "pve/https_transport.hpp"
#include "pve/write_gate.hpp"
#include "runtime/atomic_file.hpp"
#include "runtime/file_stream.hpp"
#include "support/temporary_directory.hpp"
#include "unit/net/loopback.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace loopback = steward::net::loopback;

namespace {

// AddressSanitizer makes every byte that moves some ten times dearer, and keeps what was freed for a while.
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t large = std::uint64_t{256} << 20U;
#else
constexpr std::uint64_t large = std::uint64_t{1} << 30U;
#endif
constexpr std::uint64_t most_growth = std::uint64_t{16} << 20U;

const std::string task = "UPID:n1:0012A3F4:0A1B2C3D:66F0A1B2:imgcopy::svc@pve!t:";
const std::string envelope = "{\"data\":\"" + task + "\"}";
const std::string accepted =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(envelope.size()) + "\r\n\r\n" +
    envelope;

credentials a_token() {
    credentials who;
    who.token = "svc@pve!t=secret";
    return who;
}

/// How much memory grew at most, looked at every few megabytes.
class memory_watch {
  public:
    void look(std::uint64_t moved) {
        if (moved < next_) return;
        next_ = moved + (std::uint64_t{4} << 20U);
        const std::uint64_t now = resident_bytes();
        if (base_ == 0) base_ = now;
        most_ = std::max(most_, now);
        ++looks;
    }
    [[nodiscard]] std::uint64_t growth() const { return most_ - base_; }
    int looks = 0;

  private:
    std::uint64_t next_ = 8U << 20U;  // buffers are there by then
    std::uint64_t base_ = 0;
    std::uint64_t most_ = 0;
};

class sink_to_nowhere final : public byte_sink {
  public:
    asio::awaitable<result<void>> write(std::string_view bytes) override {
        count += bytes.size();
        if (count > fails_after) co_return fault(errc::io, "disk", "No space left on device");
        co_return result<void>();
    }
    std::uint64_t count = 0;
    std::uint64_t fails_after = ~std::uint64_t{0};
};

template <class T>
asio::awaitable<void> keep(asio::awaitable<result<T>> work, std::vector<result<T>>& into) {
    into.push_back(co_await std::move(work));
}

struct site {
    site() : names({"127.0.0.1"}), server(io), tasks(io.get_executor()) {
        server.answer = accepted;
        server.head_of_download = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        https_options options;
        options.limits.in_flight = 1;
        transport = std::make_unique<https_transport>(io.get_executor(), time, chance, names,
                                                      std::vector{server.endpoint()}, a_token(), options);
    }
    ~site() {
        tasks.cancel();
        loopback::run_out(io, tasks);
    }

    std::filesystem::path file_of(std::uint64_t size) {
        const auto path = files.path() / "image.iso";
        std::ofstream(path).close();
        std::filesystem::resize_file(path, size);  // full of holes: takes no disk
        return path;
    }
    upload_order order(std::uint64_t size) {
        upload_order o;
        o.node = node_name("n1");
        o.storage = storage_id("local");
        o.content = "iso";
        o.file = file_of(size);
        return o;
    }
    download_order log(std::uint64_t size) {
        download_order o;
        o.what = request(verb::get, "/nodes/n1/tasks/x/log", {{"download", "1"}});
        server.gives = size;
        server.head_of_download =
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
        return o;
    }
    result<upid> send(upload_order o) {
        auto got = loopback::await(io, upload(*transport, chance, std::move(o)));
        if (!got) UNSCOPED_INFO(got.error().text());
        return got;
    }
    template <class Predicate>
    void run_until(Predicate holds) {
        io.restart();
        while (!holds()) io.run_one();
    }
    [[nodiscard]] std::vector<std::string> left_behind() const {
        std::vector<std::string> out;
        for (const auto& e : std::filesystem::directory_iterator(files.path())) out.push_back(e.path().filename());
        return out;
    }

    os_time time;
    random_source chance{11};
    temporary_directory files;
    asio::io_context io{1};
    loopback::scripted_names names;
    bulk_server server;
    std::unique_ptr<https_transport> transport;
    task_group tasks;
};

}  // namespace

TEST_CASE("upload: the form that PVE's parser wants") {
    site s;
    upload_order o = s.order(0);
    REQUIRE(write_file_atomically(o.file, "the bytes\r\n--"));
    o.checksum_algorithm = "sha256";
    o.checksum = "abcd";
    const auto got = s.send(o);
    REQUIRE(got);
    CHECK(got->text == task);
    CHECK_THAT(s.server.head, Catch::StartsWith("POST /api2/json/nodes/n1/storage/local/upload HTTP/1.1\r\n"));
    CHECK_THAT(s.server.head, Catch::Contains("Authorization: PVEAPIToken=svc@pve!t=secret\r\n"));
    CHECK_THAT(s.server.head, !Catch::Contains("chunked") && !Catch::Contains("Expect"));
    const std::size_t at = s.server.head.find("boundary=") + 9;
    const std::string b = s.server.head.substr(at, s.server.head.find("\r\n", at) - at);
    const std::string form = "Content-Disposition: form-data; name=";
    CHECK(s.server.first == "--" + b + "\r\n" + form + "\"content\"\r\n\r\niso\r\n--" + b + "\r\n" + form +
                                "\"checksum-algorithm\"\r\n\r\nsha256\r\n--" + b + "\r\n" + form +
                                "\"checksum\"\r\n\r\nabcd\r\n--" + b + "\r\n" + form +
                                "\"filename\"; filename=\"image.iso\"\r\nContent-Type: application/octet-stream\r\n\r\n"
                                "the bytes\r\n--\r\n--" +
                                b + "--\r\n");
    CHECK_THAT(s.server.head, Catch::Contains("Content-Length: " + std::to_string(s.server.first.size()) + "\r\n"));
}

TEST_CASE("upload: any size in constant memory") {
    site s;
    upload_order o = s.order(large);
    memory_watch memory;
    std::uint64_t moved = 0;
    o.moving = [&](std::uint64_t n) {
        moved = n;
        memory.look(n);
    };
    REQUIRE(s.send(o));
    CHECK(s.server.received > large);
    CHECK(moved == s.server.received);
    CHECK(memory.looks > 20);
    CHECK(memory.growth() < most_growth);
    CHECK(s.server.requests == 1);
}

TEST_CASE("download: any size in constant memory") {
    site s;
    download_order o = s.log(large);
    memory_watch memory;
    o.moving = [&](std::uint64_t n) { memory.look(n); };
    sink_to_nowhere sink;
    const auto got = loopback::await(s.io, download(*s.transport, o, sink));
    REQUIRE(got);
    CHECK(*got == large);
    CHECK(sink.count == large);
    CHECK(memory.looks > 20);
    CHECK(memory.growth() < most_growth);
    CHECK_THAT(s.server.head, Catch::StartsWith("GET /api2/json/nodes/n1/tasks/x/log?download=1 HTTP/1.1"));
    CHECK_THAT(s.server.head, !Catch::Contains("Accept-Encoding"));
}

TEST_CASE("upload: what goes wrong, and what it is called") {
    site s;
    upload_order o = s.order(4U << 20U);
    errc wanted = errc::io;
    std::size_t requests = 1;
    SECTION("no such file") {
        o.file = s.files.path() / "none";
        wanted = errc::not_found;
        requests = 0;
    }
    SECTION("a directory") {
        o.file = s.files.path();
        o.filename = "x";
        wanted = errc::invalid;
        requests = 0;
    }
    SECTION("a name with a line break") {
        o.filename = "x\r\ny.iso";
        wanted = errc::invalid;
        requests = 0;
    }
    SECTION("a checksum without its algorithm") {
        o.checksum = "abcd";
        wanted = errc::invalid;
        requests = 0;
    }
    SECTION("closed in the middle") {
        s.server.stops_after = 1U << 20U;
        s.server.closes_there = true;
        wanted = errc::outcome_unknown;
    }
    SECTION("nothing moves any more") {
        s.server.stops_after = 1U << 20U;
        o.patience = 200ms;
        o.file = s.file_of(64U << 20U);  // more than the kernel's buffers take
        wanted = errc::outcome_unknown;
    }
    SECTION("refused") {
        s.server.answer =
            "HTTP/1.1 403 Permission check failed (/storage/local, Datastore.AllocateTemplate)\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n";
        wanted = errc::forbidden;
    }
    SECTION("401: not tried again") {
        s.server.answer = "HTTP/1.1 401 No ticket\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        wanted = errc::unauthorized;
    }
    SECTION("no task in the answer") {
        s.server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"data\":null}";
        wanted = errc::garbage;
    }
    SECTION("the file becomes shorter on the way") {
        o.file = s.file_of(64U << 20U);
        const auto path = o.file;
        o.moving = [path](std::uint64_t n) {
            if (n > (1U << 20U)) std::filesystem::resize_file(path, 2U << 20U);
        };
    }
    const auto got = s.send(o);
    REQUIRE(!got);
    CHECK(got.error().code == wanted);
    CHECK(s.server.requests == requests);
    s.server.resume();
    s.run_until([&] { return s.server.open == 0; });
}

TEST_CASE("upload: refused in observe mode") {
    site s;
    write_gate gate(*s.transport);
    upload_order o = s.order(10);
    const auto got = loopback::await(s.io, upload(gate, s.chance, o));
    REQUIRE(!got);
    CHECK(got.error().code == errc::dry_run);
    gate.open(true);
    CHECK(loopback::await(s.io, upload(gate, s.chance, o)));
    CHECK(s.server.requests == 1);
}

TEST_CASE("upload: a second endpoint when the first refuses the connection") {
    site s;
    const loopback::closed_port closed(s.io);
    net::http_endpoint dead("127.0.0.1", closed.number());
    dead.tls = false;
    https_transport two(s.io.get_executor(), s.time, s.chance, s.names, std::vector{dead, s.server.endpoint()},
                        a_token(), https_options());
    upload_order o = s.order(1U << 20U);
    CHECK(loopback::await(s.io, upload(two, s.chance, o)));
    CHECK(s.server.received > (1U << 20U));
}

TEST_CASE("transfer: cancelled at any await, no connection and no place is left behind") {
    for (int steps = 0; steps < 60; steps += 3) {
        INFO("steps " << steps);
        site s;
        std::vector<result<upid>> up;
        std::vector<result<std::uint64_t>> down;
        const bool is_upload = steps % 2 == 0;
        if (is_upload)
            s.tasks.spawn("upload", keep(upload(*s.transport, s.chance, s.order(8U << 20U)), up));
        else
            s.tasks.spawn("download", keep(download(*s.transport, s.log(8U << 20U), s.files.path() / "out.log"), down));
        s.io.restart();
        for (int i = 0; i < steps; ++i) s.io.run_one();
        s.tasks.cancel();
        loopback::run_out(s.io, s.tasks);
        CHECK(up.empty());
        CHECK(down.empty());
        s.run_until([&] { return s.server.open == 0; });
        CHECK(!std::filesystem::exists(s.files.path() / "out.log"));
        CHECK(s.left_behind().size() == (is_upload ? 1 : 0));
        // The one place of this endpoint is free again.
        upload_order again = s.order(10);
        CHECK(s.send(again));
    }
}

TEST_CASE("download: a file is there whole or not at all") {
    site s;
    const auto path = s.files.path() / "task.log";
    download_order o = s.log(3U << 20U);
    SECTION("whole, over the old one") {
        REQUIRE(write_file_atomically(path, "old"));
        const auto got = loopback::await(s.io, download(*s.transport, o, path));
        REQUIRE(got);
        CHECK(std::filesystem::file_size(path) == 3U << 20U);
        CHECK(s.left_behind().size() == 1);
    }
    errc wanted = errc::outcome_unknown;
    const auto fails = [&] {
        REQUIRE(write_file_atomically(path, "old"));
        const auto got = loopback::await(s.io, download(*s.transport, o, path));
        REQUIRE(!got);
        CHECK(got.error().code == wanted);
        CHECK(std::filesystem::file_size(path) == 3);
        CHECK(s.left_behind().size() == 1);
    };
    SECTION("closed in the middle") {
        s.server.stops_after = 1U << 20U;
        s.server.closes_there = true;
        fails();
    }
    SECTION("nothing moves any more") {
        s.server.stops_after = 1U << 20U;
        o.patience = 200ms;
        fails();
    }
    SECTION("longer than allowed, as announced") {
        o.most = 1000;
        wanted = errc::garbage;
        fails();
    }
    SECTION("longer than allowed, without a length") {
        s.server.head_of_download = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        o.most = 1000;
        wanted = errc::garbage;
        fails();
    }
    SECTION("not found") {
        s.server.head_of_download =
            "HTTP/1.1 400 no such task\r\nConnection: close\r\nContent-Length: 13\r\n\r\n{\"data\":null}";
        s.server.gives = 0;
        wanted = errc::not_found;
        fails();
    }
    SECTION("an endless error") {
        s.server.head_of_download = "HTTP/1.1 500 x\r\nConnection: close\r\n\r\n";
        s.server.gives = std::uint64_t{1} << 40U;
        wanted = errc::garbage;
        fails();
    }
    SECTION("into a directory that is not there") {
        const auto got = loopback::await(s.io, download(*s.transport, o, s.files.path() / "no" / "x"));
        REQUIRE(!got);
        CHECK(got.error().code == errc::io);
        CHECK(s.server.requests == 0);
    }
}

TEST_CASE("download: a full disk ends it") {
    site s;
    sink_to_nowhere sink;
    sink.fails_after = 1U << 20U;
    const auto got = loopback::await(s.io, download(*s.transport, s.log(large), sink));
    REQUIRE(!got);
    CHECK(got.error().code == errc::io);
    CHECK(got.error().text() == "pve GET /nodes/n1/tasks/x/log: disk: No space left on device");
    s.run_until([&] { return s.server.open == 0; });
}
