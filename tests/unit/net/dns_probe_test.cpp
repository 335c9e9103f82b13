#include "dns_server.hpp"
#include "loopback.hpp"
#include "net/dns_message.hpp"
#include "net/probe.hpp"

#include <random>

using namespace steward;
using namespace steward::net;
using namespace steward::net::loopback;
using namespace std::chrono_literals;

namespace {

constexpr duration plenty = 20s;   // for what happens at once
constexpr duration brief = 300ms;  // for what never happens

}  // namespace

TEST_CASE("dns: what one attempt proves") {
    os_time time;
    asio::io_context io{1};
    dns_server server(io);
    server.zone["web.example"].addresses = {"192.0.2.80", "192.0.2.81", "2001:db8::80"};
    server.zone["large.example"].addresses = {"192.0.2.80"};
    server.zone["large.example"].is_truncated = true;
    server.zone["lossy.example"].addresses = {"192.0.2.80"};
    server.zone["lossy.example"].loses = 1;
    server.zone["silent.example"].is_silent = true;
    server.zone["empty.example"];
    const auto port = static_cast<std::uint16_t>(std::stoi(server.address().substr(server.address().find(':') + 1)));
    const closed_port closed(io);
    struct row {
        const char* query;
        const char* type;
        const char* rcode;
        std::optional<wanted_text> wanted;
        duration limit;
        std::uint16_t at;
        verdict answer;
        std::string reason;
    };
    const row rows[] = {
        {"web.example", "A", "NOERROR", {}, plenty, port, verdict::healthy, "192.0.2.80"},
        {"WEB.example.", "A", "NOERROR", {}, plenty, port, verdict::unhealthy, "NXDOMAIN, wanted NOERROR"},
        {"web.example", "AAAA", "NOERROR", {}, plenty, port, verdict::healthy, "2001:db8::80"},
        {"web.example", "A", "NOERROR", wanted_text("192.0.2.81"), plenty, port, verdict::healthy, "192.0.2.81"},
        {"web.example", "A", "NOERROR", wanted_text("192.0.2.8"), plenty, port, verdict::unhealthy,
         "answered \"192.0.2.80\", wanted \"192.0.2.8\""},
        {"web.example", "A", "NOERROR", matching("^192\\.0\\.2\\."), plenty, port, verdict::healthy, "192.0.2.80"},
        {"gone.example", "A", "NXDOMAIN", {}, plenty, port, verdict::healthy, "NXDOMAIN"},
        {"web.example", "A", "NXDOMAIN", {}, plenty, port, verdict::unhealthy, "NOERROR, wanted NXDOMAIN"},
        {"empty.example", "A", "NOERROR", {}, plenty, port, verdict::unhealthy, "has no A record for empty.example"},
        {"large.example", "A", "NOERROR", {}, plenty, port, verdict::healthy, "192.0.2.80"},
        {"lossy.example", "A", "NOERROR", {}, 600ms, port, verdict::healthy, "192.0.2.80"},
        {"silent.example", "A", "NOERROR", {}, brief, port, verdict::unhealthy, "no answer within 300ms"},
        {"web.example", "A", "NOERROR", {}, plenty, closed.number(), verdict::unhealthy, "connection refused"},
        {"a..example", "A", "NOERROR", {}, plenty, port, verdict::unknown, "\"a..example\" is not a name"},
    };
    for (const row& r : rows) {
        INFO(r.query << " " << r.type << " " << r.rcode);
        scripted_names names({});
        dns_check check;
        check.server = "127.0.0.1";
        check.port = r.at;
        check.query = r.query;
        check.type = r.type;
        check.rcode = r.rcode;
        check.answer = r.wanted;
        check.timeout = r.limit;
        const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
        CHECK(got.answer == r.answer);
        CHECK(got.reason == r.reason);
    }
    CHECK(server.streams == 1);
    server.stop();
    run_out(io, server.tasks());
}

namespace {

std::string octets(const std::string& hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
}

/// Header of an answer without error, one question for x.example of that type, and `records` after it.
std::string dns_answer(const std::string& type, int count, const std::string& records) {
    const std::string number = std::string("000") + std::to_string(count);
    return octets(
        "12348180"
        "0001" +
        number +
        "00000000"
        "0178076578616d706c6500" +
        type + "0001" + records);
}

}  // namespace

TEST_CASE("dns: answers are read as dig writes them, and garbage is garbage") {
    const dns_question a(0x1234, "x.example", 1);
    const auto of_type = [](std::uint16_t type) { return dns_question(0x1234, "x.example", type); };
    struct row {
        const char* name;
        std::string message;
        dns_question question;
        std::string said;  // the first answer, or "!" and why not
    };
    const row rows[] = {
        {"A", dns_answer("0001", 1, "c00c00010001000000010004c0000250"), a, "192.0.2.80"},
        {"a CNAME before it",
         dns_answer("0001", 2,
                    "c00c000500010000000100040179c00e"
                    "c02700010001000000010004c0000250"),
         a, "192.0.2.80"},
        {"CNAME", dns_answer("0005", 1, "c00c000500010000000100040179c00e"), of_type(5), "y.example"},
        {"MX", dns_answer("000f", 1, "c00c000f0001000000010006000a0179c00e"), of_type(15), "10 y.example"},
        {"SRV", dns_answer("0021", 1, "c00c0021000100000001000a0000000513c40179c00e"), of_type(33),
         "0 5 5060 y.example"},
        {"TXT",
         dns_answer("0010", 1,
                    "c00c001000010000000100060268690261"
                    "0a"),
         of_type(16), "hia\\010"},
        {"SOA",
         dns_answer("0006", 1,
                    "c00c00060001000000010018"
                    "c00cc00c"
                    "0000000100000002000000030000000400000005"),
         of_type(6), "x.example x.example 1 2 3 4 5"},
        {"too short", octets("1234"), a, "!shorter than a header"},
        {"another number",
         octets("123581800001000000000000"
                "0178076578616d706c650000010001"),
         a, "!the answer to another question"},
        {"another name",
         octets("123481800001000000000000"
                "0179076578616d706c650000010001"),
         a, "!the answer to another question"},
        {"our own question",
         octets("123401000001000000000000"
                "0178076578616d706c650000010001"),
         a, "!not an answer to a query"},
        {"a name that leads to itself", dns_answer("0005", 1, "c00c00050001000000010002c027"), of_type(5),
         "!a record that is not of its type"},
        {"a record beyond the end", dns_answer("0001", 1, "c00c000100010000000100ff00"), a,
         "!a record that ends too early"},
        {"an address of five bytes", dns_answer("0001", 1, "c00c00010001000000010005c000025000"), a,
         "!a record that is not of its type"},
    };
    for (const row& r : rows) {
        INFO(r.name);
        const auto got = read_dns_reply(r.message, r.question);
        const std::string said = !got ? "!" + got.error().detail : got->answers.empty() ? "(none)" : got->answers[0];
        CHECK(said == r.said);
    }
    // Refused without the question.
    const auto refused = read_dns_reply(octets("123481850000000000000000"), a);
    REQUIRE(refused);
    CHECK(refused->rcode == "REFUSED");
}

TEST_CASE("dns: whatever comes, reading it ends and stays inside the message") {
    std::mt19937 chance(20261128);  // NOLINT: the same every time
    const std::string good = dns_answer("000f", 2,
                                        "c00c000f0001000000010006000a0179c00e"
                                        "c00c000f0001000000010006000a0179c00e");
    const dns_question question(0x1234, "x.example", 15);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = good;
        const int changes = 1 + static_cast<int>(chance() % 8);
        for (int i = 0; i < changes; ++i) bytes[4 + chance() % (bytes.size() - 4)] = static_cast<char>(chance());
        if (chance() % 4 == 0) bytes.resize(chance() % bytes.size());
        // A copy of exactly its size: a sanitizer sees every byte beyond.
        const std::vector<char> exact(bytes.begin(), bytes.end());
        const auto got = read_dns_reply(std::string_view(exact.data(), exact.size()), question);
        if (got)
            for (const std::string& answer : got->answers) CHECK(answer.size() < 2000);
    }
}
