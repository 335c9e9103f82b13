#include "net/request_reader.hpp"

#include <catch2/catch.hpp>

using namespace steward::net;
using stage = request_reader::stage;

namespace {

/// "GET /x 1.1 | A=1 B=2 | body", or what became of it instead.
std::string outcome(request_reader& reader, std::string& bytes) {
    while (reader.read(bytes) == stage::judge) reader.read_body();
    switch (reader.now()) {
        case stage::refused: return std::to_string(reader.status()) + " " + reader.reason();
        case stage::ignored: return "ignored";
        case stage::complete: break;
        default: return "more";
    }
    const http_request& r = reader.request();
    std::string text = r.method + " " + r.target + " 1." + std::to_string(r.minor_version) + " |";
    for (const auto& [name, value] : r.headers) text += " " + name + "=" + value;
    return text + " | " + r.body + (reader.keeps_alive() ? " +" : "");
}

}  // namespace

TEST_CASE("request reader: heads as PVE reads them") {
    struct row {
        const char* name;
        std::string bytes;
        std::string outcome;
    };
    const row rows[] = {
        {"the usual", "GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET /x?y 1.1 | Host=a |  +"},
        {"bare line ends", "GET /x HTTP/1.1\nA:b\n\n", "GET /x 1.1 | A=b |  +"},
        {"empty lines before", "\r\n\r\nGET /x HTTP/1.1\r\n\r\n", "GET /x 1.1 | |  +"},
        {"HTTP/1.0 closes", "GET /x HTTP/1.0\r\n\r\n", "GET /x 1.0 | | "},
        {"unless asked", "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         "GET /x 1.0 | Connection=keep-alive |  +"},
        {"asked to close", "GET /x HTTP/1.1\r\nconnection: Close\r\n\r\n", "GET /x 1.1 | connection=Close | "},
        {"folding and blanks", "GET /x HTTP/1.1\r\nA :\t b \r\n\tc\r\nB:\r\n\r\n", "GET /x 1.1 | A=b c B= |  +"},
        {"any method", "g(t /x HTTP/1.1\r\n\r\n", "g(t /x 1.1 | |  +"},
        {"a body", "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef", "POST /x 1.1 | Content-Length=3 | abc +"},
        {"half a body", "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", "more"},
        {"no length", "POST /x HTTP/1.1\r\nContent-Length: x\r\n\r\nab", "POST /x 1.1 | Content-Length=x |  +"},
        {"half a head", "GET /x HTTP/1.1\r\nA: b\r\n", "more"},
        {"nothing", "", "more"},
        {"no request line", "nonsense\r\n", "400 bad request"},
        {"no version", "GET /x\r\n", "400 bad request"},
        {"no target", "GET HTTP/1.1\r\n", "400 bad request"},
        {"three words and more", "GET /x y HTTP/1.1\r\n", "400 bad request"},
        {"a version without digits", "GET /x HTTP/a.b\r\n", "400 bad request"},
        {"a later version", "GET /x HTTP/3.0\r\n", "506 http protocol version 3.0 not supported"},
        {"a name in the target", "GET a@b/c HTTP/1.1\r\n", "400 invalid url"},
        {"which is fine after a slash", "GET /a@b HTTP/1.1\r\n\r\n", "GET /a@b 1.1 | |  +"},
        {"a line that is no header", "GET /x HTTP/1.1\r\nbad name: x\r\n", "506 unable to parse request header"},
        {"a name that is none", "GET /x HTTP/1.1\r\n: x\r\n", "506 unable to parse request header"},
        {"an endless first line", std::string(8200, 'x'), "ignored"},
        {"an endless line", "GET /x HTTP/1.1\r\nA: " + std::string(8200, 'x'), "ignored"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            std::string whole = r.bytes;
            request_reader at_once;
            CHECK(outcome(at_once, whole) == r.outcome);
            request_reader slowly;
            std::string pending;
            std::string became = "more";
            for (std::size_t i = 0; i < r.bytes.size() && became == "more"; ++i) {
                pending += r.bytes[i];
                became = outcome(slowly, pending);
            }
            CHECK(became == r.outcome);
        }
    }
}

TEST_CASE("request reader: what follows a request stays") {
    std::string bytes = "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyGET /b HTTP/1.1\r\n\r\n";
    request_reader first;
    CHECK(outcome(first, bytes) == "POST /a 1.1 | Content-Length=2 | xy +");
    request_reader second;
    CHECK(outcome(second, bytes) == "GET /b 1.1 | |  +");
    CHECK(bytes.empty());
}

TEST_CASE("request reader: a body that is left ends the connection") {
    std::string bytes = "POST /a HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nxy";
    request_reader reader;
    REQUIRE(reader.read(bytes) == stage::judge);
    CHECK(reader.announced() == std::string::npos);
    CHECK(reader.leave_body() == stage::complete);
    CHECK_FALSE(reader.keeps_alive());
}

TEST_CASE("request reader: limits are PVE's") {
    const auto head = [](int lines, std::size_t bytes) {
        std::string text = "GET /x HTTP/1.1\r\n";
        for (int i = 0; i < lines; ++i) text += "A: " + std::string(bytes, 'x') + "\r\n";
        return text + "\r\n";
    };
    struct row {
        int lines;
        std::size_t bytes;
        bool is_ignored;
    };
    const row rows[] = {{63, 1, false},   {64, 1, true},   {8, 1000, false},
                        {8, 1020, false}, {8, 1021, true}, {1, 9000, true}};
    for (const row& r : rows) {
        INFO(r.lines << " lines of " << r.bytes);
        std::string bytes = head(r.lines, r.bytes);
        request_reader reader;
        CHECK((reader.read(bytes) == stage::ignored) == r.is_ignored);
    }
}
