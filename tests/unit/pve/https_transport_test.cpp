#include "pve/https_transport.hpp"

#include "pve/detours.hpp"
#include "pve/endpoints.hpp"
#include "runtime/task_group.hpp"
#include "scripted_exchange.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using mood = scripted_exchange::mood;

namespace {

struct world {
    explicit world(std::size_t endpoints, https_options options = {}) : tasks(time.io().get_executor()) {
        auto made = std::make_unique<scripted_exchange>(time, endpoints);
        exchange = made.get();
        credentials who;
        who.token = "svc@pve!t=secret-uuid";
        transport =
            std::make_unique<https_transport>(time, chance, std::move(made), std::move(who), std::move(options));
    }
    ~world() {
        tasks.cancel();
        time.run_for(0s);
        CHECK(tasks.size() == 0);
        CHECK(time.sleepers() == 0);
        CHECK(exchange->busy == 0);
    }

    asio::awaitable<void> ask(request call, time_point deadline) {
        answers.push_back(co_await transport->send(std::move(call), deadline));
    }
    void start(request call, duration limit = 20s) { tasks.spawn("call", ask(std::move(call), time.now() + limit)); }
    /// "200" or the error; and what was tried for it: "200 via 1 2".
    std::string send(verb what, duration limit = 20s, const std::string& path = "/version") {
        exchange->tried.clear();
        const std::size_t before = answers.size();
        start(request(what, path), limit);
        REQUIRE(time.run_until([&] { return answers.size() > before; }, 1h));
        const auto& got = answers.back();
        std::string out = got ? std::to_string(got->status) : name_of(got.error().code);
        out += " via";
        for (const std::size_t at : exchange->tried) out += " " + std::to_string(at + 1);
        return out;
    }
    duration duration_of(verb what) {
        const time_point began = time.now();
        send(what);
        return time.now() - began;
    }

    random_source chance{7};
    sim_time time;
    scripted_exchange* exchange = nullptr;
    std::unique_ptr<https_transport> transport;
    task_group tasks;
    std::vector<result<reply>> answers;
};

}  // namespace

TEST_CASE("transport: what an endpoint cannot pass on to a node is sent by another way") {
    struct row {
        const char* name;
        verb what;
        std::vector<int> statuses;  ///< of each endpoint for calls about n2
        std::string first;
        std::string second;  ///< the same call again
    };
    const row rows[] = {
        {"a GET", verb::get, {596, 200, 200}, "200 via 1 2", "200 via 2"},
        {"a GET that two have no way for", verb::get, {595, 596, 200}, "200 via 1 2 3", "200 via 3"},
        {"a node that nobody reaches", verb::get, {595, 595, 595}, "595 via 1 2 3", "595 via 1"},
        {"a POST that never arrived", verb::create, {595, 200, 200}, "200 via 1 2", "200 via 2"},
        {"a POST that may have arrived", verb::create, {596, 200, 200}, "596 via 1", "200 via 2"},
        {"an answer of the node itself", verb::get, {500, 200, 200}, "500 via 1", "500 via 1"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            world w(3);
            w.exchange->answer = [&](std::size_t at, const net::http_request& asked) {
                const bool is_about_it = asked.target.find("/nodes/n2/") != std::string::npos;
                return scripted_exchange::respond(is_about_it ? r.statuses[at] : 200, "", R"({"data":null})");
            };
            CHECK(w.send(r.what, 20s, "/nodes/n2/lxc") == r.first);
            CHECK(w.send(r.what, 20s, "/nodes/n2/lxc") == r.second);
            // For other nodes nothing has changed.
            CHECK(w.send(verb::get, 20s, "/nodes/n3/lxc") == "200 via 1");
            w.time.run_for(detours::kept + 1s);
            CHECK(w.send(r.what, 20s, "/nodes/n2/lxc") == r.first);
        }
    }
}

TEST_CASE("transport: which endpoints a call is sent to") {
    struct row {
        const char* name;
        std::vector<mood> moods;
        verb what;
        std::string outcome;
    };
    const mood ok = mood::answers, no = mood::refuses, silent = mood::silent, hung = mood::hung;
    const row rows[] = {
        {"the first that answers", {ok, ok, ok}, verb::get, "200 via 1"},
        {"a GET after a refusal", {no, ok, ok}, verb::get, "200 via 1 2"},
        {"a GET on every endpoint", {no, no, ok}, verb::get, "200 via 1 2 3"},
        {"a GET that everybody refuses", {no, no, no}, verb::get, "not_delivered via 1 2 3"},
        {"a GET after silence", {silent, ok, ok}, verb::get, "200 via 1 2"},
        {"a GET after no answer", {hung, ok, ok}, verb::get, "200 via 1 2"},
        {"a GET that nobody answers", {hung, hung, hung}, verb::get, "outcome_unknown via 1 2 3"},
        {"a POST after a refusal", {no, ok, ok}, verb::create, "200 via 1 2"},
        {"a POST after silence", {silent, no, ok}, verb::create, "200 via 1 2 3"},
        {"a POST that may have arrived", {hung, ok, ok}, verb::create, "outcome_unknown via 1"},
        {"a PUT that may have arrived", {no, hung, ok}, verb::set, "outcome_unknown via 1 2"},
        {"a DELETE that may have arrived", {hung, ok, ok}, verb::remove, "outcome_unknown via 1"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            world w(3);
            w.exchange->moods = r.moods;
            CHECK(w.send(r.what) == r.outcome);
        }
    }
}

TEST_CASE("transport: no endpoint at all") {
    world w(0);
    CHECK(w.send(verb::get) == "unavailable via");
}

TEST_CASE("transport: a dead endpoint costs its share once") {
    world w(3);
    w.exchange->moods = {mood::silent, mood::answers, mood::answers};
    CHECK(w.duration_of(verb::get) > 2s);
    for (int i = 0; i < 20; ++i) {
        CHECK(w.duration_of(verb::get) < 100ms);
        w.time.run_for(10s);
    }
    SECTION("the good one stays first when the dead one is back") {
        w.exchange->moods[0] = mood::answers;
        w.time.run_for(10min);
        CHECK(w.send(verb::get) == "200 via 2");
    }
    SECTION("a hung one is found out by the answer of another") {
        w.exchange->moods[1] = mood::hung;
        w.time.run_for(2min);
        CHECK(w.send(verb::get) == "200 via 2 3");
        CHECK(w.send(verb::create) == "200 via 3");
    }
}

TEST_CASE("transport: an endpoint that rests is tried last, and longer each time") {
    world w(2);
    w.exchange->moods = {mood::refuses, mood::refuses};
    CHECK(w.send(verb::get) == "not_delivered via 1 2");
    SECTION("everybody rests: they are tried all the same") {
        w.exchange->moods[1] = mood::answers;
        const std::string got = w.send(verb::get);
        CHECK((got == "200 via 1 2" || got == "200 via 2"));
    }
    SECTION("rests from 5 s to 60 s") {
        random_source chance(3);
        endpoint_order order(2, chance);
        time_point now{};
        for (const auto& [least, most] :
             {std::pair(4s, 6s), {8s, 12s}, {16s, 24s}, {32s, 48s}, {48s, 72s}, {48s, 72s}}) {
            order.note_bad(0, now);
            order.note_bad(0, now);  // calls side by side fail together
            CHECK(order.at(now).front() == 1);
            CHECK(order.is_resting(0, now + least - 1ns));
            CHECK(!order.is_resting(0, now + most));
            CHECK(order.at(now + most) == std::vector<std::size_t>{0, 1});
            now += most;
        }
        order.note_good(1);
        CHECK(order.at(now) == std::vector<std::size_t>{1, 0});
        order.note_good(0);
        order.note_bad(0, now);
        CHECK(!order.is_resting(0, now + 6s));  // counted from the beginning again
    }
}

TEST_CASE("transport: a thousand calls obey the budget") {
    world w(1);
    for (int i = 0; i < 1000; ++i) w.start(request(verb::get, "/version"), 60s);
    w.time.run_for(60s);
    REQUIRE(w.answers.size() == 1000);
    for (const auto& got : w.answers) CHECK(got.has_value());
    CHECK(w.exchange->most_busy <= 8);
    const auto& begun = w.exchange->begun;
    CHECK(begun.back() - begun.front() >= 19s);
    CHECK(begun.back() - begun.front() <= 21s);
    for (std::size_t i = 60; i < begun.size(); ++i) CHECK(begun[i] - begun[i - 60] >= 1s);
}

TEST_CASE("transport: slow answers are bounded by the cap, not by the rate") {
    https_options options;
    options.limits.in_flight = 3;
    options.limits.per_second = 0;
    world w(1, options);
    w.exchange->latency = 1s;
    for (int i = 0; i < 9; ++i) w.start(request(verb::get, "/version"));
    w.time.run_for(2500ms);
    CHECK(w.exchange->most_busy == 3);
    CHECK(w.answers.size() == 6);
    SECTION("who waits too long was not delivered") {
        w.start(request(verb::create, "/x"), 100ms);
        w.time.run_for(200ms);
        REQUIRE(w.answers.size() == 7);
        CHECK(w.answers.back().error().code == errc::not_delivered);
        CHECK(w.exchange->begun.size() == 9);
    }
    SECTION("cancelled callers leave their place") {
        for (int i = 0; i < 20; ++i) w.start(request(verb::get, "/version"));
        w.time.run_for(10ms);
        w.tasks.cancel();
        w.time.run_for(0s);
        CHECK(w.exchange->busy == 0);
        CHECK(w.send(verb::get) == "200 via 1");
    }
}

TEST_CASE("transport: cancelled at any moment, nothing is left behind") {
    for (const mood how : {mood::answers, mood::silent, mood::hung}) {
        for (duration after = 0ms; after < 40ms; after += 5ms) {
            https_options options;
            options.limits.in_flight = 1;
            options.limits.per_second = 100;
            options.limits.burst = 1;
            world w(2, options);
            w.exchange->moods[0] = how;
            for (int i = 0; i < 3; ++i) w.start(request(verb::get, "/version"));
            w.time.run_for(after);
            w.tasks.cancel();
            w.time.run_for(0s);
            CHECK(w.tasks.size() == 0);
            CHECK(w.exchange->busy == 0);
            w.exchange->moods[0] = mood::answers;
            CHECK(w.send(verb::get).starts_with("200"));
        }
    }
}

TEST_CASE("transport: a redirect is no answer, and nobody follows it") {
    for (const int status : {300, 301, 302, 307, 308, 399}) {
        world w(2);
        w.exchange->answer = [&](std::size_t, const net::http_request&) {
            net::http_response out = scripted_exchange::respond(status, "Moved");
            out.headers.emplace_back("location", "https://evil.example/api2/json/version?PVEAPIToken=x");
            return out;
        };
        CHECK(w.send(verb::get) == "garbage via 1");
        const std::string words = w.answers.back().error().text();
        CHECK_THAT(words, Catch::Contains("https://evil.example/api2/json/version"));
        CHECK_THAT(words, !Catch::Contains("PVEAPIToken"));
    }
}

TEST_CASE("transport: parameters go where PVE wants them") {
    world w(1);
    for (const verb what : {verb::get, verb::create, verb::set, verb::remove}) {
        w.start(request(what, "/nodes/n1/lxc", {{"a", "1 2"}, {"b", "x&y"}}));
        w.time.run_for(1s);
        const net::http_request& sent = w.exchange->requests.back();
        const bool in_query = what == verb::get || what == verb::remove;
        CHECK(sent.target == (in_query ? "/api2/json/nodes/n1/lxc?a=1%202&b=x%26y" : "/api2/json/nodes/n1/lxc"));
        CHECK(sent.body == (in_query ? "" : "a=1%202&b=x%26y"));
        CHECK(header_of(sent, "Accept-Encoding").empty());
        CHECK(header_of(sent, "Authorization") == "PVEAPIToken=svc@pve!t=secret-uuid");
    }
}

TEST_CASE("transport: Retry-After") {
    const wall_time now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min;
    struct row {
        const char* text;
        std::optional<duration> wait;
    };
    const row rows[] = {
        {"120", 120s},
        {"0", 0s},
        {"99999999999999999999", 24h},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 37s},
        {"Sun, 06 Nov 1994 08:00:00 GMT", 0s},
        {"Tue, 06 Nov 2035 08:49:37 GMT", 24h},
        {"Sun, 31 Feb 1994 08:49:37 GMT", {}},
        {"Sun, 06 Nov 1994 25:49:37 GMT", {}},
        {"Sunday, 06-Nov-94 08:49:37 GMT", {}},
        {"-5", {}},
        {"1.5", {}},
        {"", {}},
    };
    for (const row& r : rows) {
        INFO(r.text);
        CHECK(parse_retry_after(r.text, now) == r.wait);
    }
    world w(1);
    w.exchange->answer = [&](std::size_t, const net::http_request&) {
        net::http_response out = scripted_exchange::respond(503, "Busy");
        out.headers.emplace_back("Retry-After", "7");
        return out;
    };
    CHECK(w.send(verb::get) == "503 via 1");
    CHECK(w.answers.back()->retry_after == duration(7s));
}

TEST_CASE("trace: one line for each exchange") {
    std::vector<std::string> lines;
    https_options options;
    options.trace.sink = [&](const wire_record& r) { lines.push_back(to_line(r)); };
    world w(2, options);
    w.exchange->moods[0] = mood::refuses;
    w.start(request(verb::get, "/version", {{"x", "1"}}));
    w.time.run_for(1s);
    CHECK(lines ==
          std::vector<std::string>{
              "GET /api2/json/version status=0 reason=\"not_delivered: Connection refused\" sent=0 received=0 "
              "took=0s endpoint=n1:8006",
              "GET /api2/json/version status=200 reason=\"OK\" sent=0 received=13 took=10ms endpoint=n2:8006"});
}

TEST_CASE("trace: with bodies, without secrets") {
    std::vector<std::string> lines;
    https_options options;
    options.trace.bodies = true;
    options.trace.sink = [&](const wire_record& r) { lines.push_back(to_line(r)); };
    world w(1, options);
    w.exchange->answer = [](std::size_t, const net::http_request&) {
        return scripted_exchange::respond(
            200, "OK",
            R"({"data":{"vmid":7,"ticket":"PVE:hush","cipassword":"hush","rows":[{"sshkeys":"hush","key":"cipassword","value":"hush"}],)"
            R"("CSRFPreventionToken":"hush","hotplug":"disk","digest":"d","tokenid":"t","note":"a\nb"}})");
    };
    w.start(request(verb::create, "/nodes/n1/lxc",
                    {{"hostname", "web"}, {"password", "hush"}, {"ssh-public-keys", "hush"}, {"hotplug", "1"}}));
    w.time.run_for(1s);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("hush") == std::string::npos);
    CHECK(lines[0].find("secret-uuid") == std::string::npos);
    for (const char* shown : {"hostname=web", "hotplug=1", "\"vmid\":7", "\"hotplug\":\"disk\"", "\"tokenid\":\"t\"",
                              "Authorization: …", "password=…"})
        CHECK_THAT(lines[0], Catch::Contains(shown));
}

TEST_CASE("trace: what counts as a secret") {
    struct row {
        const char* key;
        const char* path;
        bool is_secret;
    };
    const row rows[] = {
        {"password", "/x", true},
        {"new-password", "/x", true},
        {"vncticket", "/x", true},
        {"CSRFPreventionToken", "/x", true},
        {"token", "/x", true},
        {"tokenid", "/x", false},
        {"secret", "/x", true},
        {"encryption-key", "/x", true},
        {"key", "/x", true},
        {"keyboard", "/x", false},
        {"sshkeys", "/x", true},
        {"otp", "/x", true},
        {"totp", "/x", true},
        {"hotplug", "/x", false},
        {"tfa-challenge", "/x", true},
        {"eab-hmac-key", "/x", true},
        {"keyring", "/x", true},
        {"value", "/access/users/u/token/t", true},
        {"value", "/nodes/n1/apt", false},
        {"data", "/cluster/acme/plugins", true},
        {"content", "/storage", false},
        {"content", "/nodes/n1/qemu/1/agent/file-write", true},
        {"target-endpoint", "/x", true},
        {"vmid", "/x", false},
        {"description", "/x", false},
    };
    for (const row& r : rows) {
        INFO(r.key << " " << r.path);
        CHECK(is_secret_name(r.key, r.path) == r.is_secret);
    }
    CHECK(redact_form("pass%77ord=hush&a=1&b", "/x") == "pass%77ord=…&a=1&b");
    CHECK(redact_json("token hush", "/x") == "(10 bytes that are not JSON)");
    CHECK(redact_json("", "/x").empty());
    CHECK(redact_json("[\"" + std::string(9000, 'x') + "\"]", "/x").size() < 4200);
    CHECK(redact_headers({{"cookie", "hush"}, {"SET-COOKIE", "hush"}, {"Accept", "x"}}) ==
          "cookie: …; SET-COOKIE: …; Accept: x");
}
