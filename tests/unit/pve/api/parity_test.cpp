// The tests of the Python SDK that this API replaces (../shared/requirements.md §3.3, T003-1 to T003-57), as far as
// they make sense here. Where they are:
//   T003-1…6, 10…12, 14…16   below
//   T003-7, 40               lib/base/ids.hpp, generator_test.cpp (strong ids by format)
//   T003-8, 9, 13, 45, 53    session_test.cpp
//   T003-19…36, 37, 39       generator_test.cpp
//   T003-41…46, 48…50        all_calls_test.cpp, registry.cpp (every call, its request and its result, by table)
// Not taken over, with the reason:
//   T003-17, 18   files per endpoint: here a branch is one header, whatever its depth
//   T003-21…23    classes end in "Endpoints": names here are the path, nothing is added
//   T003-27, 28   data structures of its generator; what comes out is tested instead
//   T003-38       enumerations of more than ten values become texts: here they stay enumerations (up to a hundred)
//   T003-47       round trip through a dictionary: there is none; the wire's pairs are the round trip
//   T003-51, 52   generated modules are not empty: docs/api-coverage.md is compared instead
//   T003-54…57    its tools can be constructed: the build runs ours
#include "pve/api/access.hpp"
#include "pve/api/nodes_lxc.hpp"
#include "pve/api/nodes_qemu.hpp"
#include "pve/connection.hpp"
#include "pve/http_meaning.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json/value.hpp>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace steward;
using namespace steward::pve;

namespace {

reply answered(int status, const char* reason, const char* body) {
    reply r;
    r.status = status;
    r.reason = reason;
    r.body = body;
    return r;
}

std::string secret_file(const std::filesystem::path& file, const std::string& text) {
    std::ofstream(file) << text;
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return file.string();
}

/// What the first call on a connection with these options comes to.
fault first_fault(connection_options options) {
    connection cluster(std::move(options));
    fault seen;
    const auto ask = [&]() -> boost::asio::awaitable<int> {
        const auto got = co_await cluster.api().access().get();
        if (!got) seen = got.error();
        co_return 0;
    };
    static_cast<void>(cluster.run(ask()));
    return seen;
}

}  // namespace

TEST_CASE("an error has its text, its kind, its status, the place, and every field (T003-1 to 6)") {
    const fault plain(errc::refused, "pve GET /x", "Test error");
    CHECK(plain.text() == "pve GET /x: Test error");
    const request what(verb::create, "/nodes/n1/lxc");
    CHECK(data_of(answered(401, "authentication failure", ""), what).error().code == errc::unauthorized);
    const fault status = data_of(answered(404, "Not Found", ""), what).error();
    CHECK(status.http_status == 404);
    const fault fields = data_of(answered(400, "Parameter verification failed.",
                                          R"({"data":null,"errors":{"vmid":"bad","net0":"worse"}})"),
                                 what)
                             .error();
    CHECK(fields.text().find("vmid: bad") != std::string::npos);
    CHECK(fields.text().find("net0: worse") != std::string::npos);
}

TEST_CASE("a connection keeps what it was told, and says what is wrong with it at the first call (T003-10 to 12)") {
    temporary_directory folder;
    const std::string token = secret_file(folder.path() / "token", "a@pve!b=c");
    const std::string password = secret_file(folder.path() / "password", "secret");

    connection_options one("n1.example.org:8006");
    one.with_endpoint("[2001:db8::1]").with_token_file(token).with_fingerprint("AB:CD");
    CHECK(one.endpoints == std::vector<std::string>{"n1.example.org:8006", "[2001:db8::1]"});
    CHECK(one.who.token_file == token);
    CHECK(one.request_limit == std::chrono::seconds(30));

    CHECK(first_fault(connection_options("n1")).text().find("a token file, or a user") != std::string::npos);
    connection_options both("n1");
    both.with_token_file(token).with_password_file("a@pve", password);
    CHECK(first_fault(std::move(both)).text().find("exclude each other") != std::string::npos);
    for (const char* wrong : {"", ":8006", "n1:0", "n1:port", "n1:99999"}) {
        DYNAMIC_SECTION(wrong) {
            connection_options options(wrong);
            options.with_token_file(token);
            CHECK(first_fault(std::move(options)).code == errc::invalid);
        }
    }
    std::filesystem::permissions(token, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    connection_options open("n1");
    open.with_token_file(token);
    CHECK(first_fault(std::move(open)).text().find(token) != std::string::npos);
}

TEST_CASE("a place is its path, and stays what it was when children are made of it (T003-13 to 16)") {
    class visible : public api::place {
      public:
        explicit visible(const api::place& of) : place(of) {}
        std::string path() const { return prepare(api::nodes_qemu::entries::get).path; }
    };
    os_time time;
    class nowhere final : public transport {
        boost::asio::awaitable<result<reply>> send(request, time_point) override {
            co_return fault(errc::unavailable, "test", "nothing is sent");
        }
    } wire;
    api::session session(wire, time, std::chrono::seconds(1));
    const auto nodes = api::root(session).nodes();
    CHECK(visible(nodes).path() == "/nodes");
    CHECK(visible(nodes("node1").qemu(100)).path() == "/nodes/node1/qemu/100");
    CHECK(visible(nodes).path() == "/nodes");
    CHECK(visible(nodes("a/b").lxc()).path() == "/nodes/a%2Fb/lxc");
}
