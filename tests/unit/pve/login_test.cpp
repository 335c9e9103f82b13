#include "pve/https_transport.hpp"
#include "pve/totp.hpp"
#include "runtime/task_group.hpp"
#include "scripted_exchange.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

const std::string totp_key = "12345678901234567890";

/// The part of PVE that hands out tickets (pve-facts A): they die after two hours, a valid one is as good as the
/// password, one-time passwords count once.
class ticket_authority {
  public:
    explicit ticket_authority(sim_time& t) : time(t) {}

    net::http_response handle(const net::http_request& r) {
        if (r.target == "/api2/json/access/ticket") return log_in(r.body);
        const std::string cookie = header_of(r, "Cookie");
        const std::string token = header_of(r, "Authorization");
        const bool is_write = r.method != "GET";
        if (token == "PVEAPIToken=svc@pve!t=good") {
            if (is_write) wrote_with_csrf += header_of(r, "CSRFPreventionToken").empty() ? 0 : 1;
            return scripted_exchange::respond(status, "OK", R"({"data":1})");
        }
        if (!is_valid(cookie.substr(std::min<std::size_t>(14, cookie.size())))) {
            ++refused_calls;
            return scripted_exchange::respond(401, "No ticket");
        }
        const bool has_csrf = header_of(r, "CSRFPreventionToken") == "csrf";
        if (is_write && !has_csrf) return scripted_exchange::respond(401, "Permission denied - invalid csrf token");
        if (!is_write && has_csrf) ++reads_with_csrf;
        ++served;
        return scripted_exchange::respond(status, "OK", R"({"data":1})");
    }

    [[nodiscard]] bool is_valid(const std::string& ticket) const {
        const auto found = made.find(ticket);
        return found != made.end() && time.now() - found->second < life;
    }

    net::http_response log_in(const std::string& form) {
        ++log_ins;
        if (form_field(form, "username") != "steward%40pve")
            return scripted_exchange::respond(401, "authentication failure");
        const std::string given = form_field(form, "password");
        const bool is_renewal = is_valid(given);
        if (is_renewal) ++renewals;
        if (!form_field(form, "tfa-challenge").empty()) {
            const std::uint64_t now = totp_counter(time.wall_now());
            const bool is_right = given == "totp%3A" + totp_code(totp_key, now) && used.insert(now).second;
            codes.push_back(given);
            if (form_field(form, "tfa-challenge") != "PVE%3A%21tfa%21x" || !is_right)
                return scripted_exchange::respond(401, "authentication failure");
        } else if (!is_renewal) {
            if (given != password) return scripted_exchange::respond(401, "authentication failure");
            if (has_second_factor)
                return scripted_exchange::respond(
                    200, "OK", R"({"data":{"NeedTFA":1,"ticket":"PVE:!tfa!x","CSRFPreventionToken":"csrf"}})");
        }
        const std::string ticket = "PVE-" + std::to_string(made.size());
        made[ticket] = time.now();
        return scripted_exchange::respond(200, "OK",
                                          R"({"data":{"ticket":")" + ticket + R"(","CSRFPreventionToken":"csrf"}})");
    }

    sim_time& time;
    duration life = 2h;
    int status = 200;
    std::string password = "right";
    bool has_second_factor = false;
    std::map<std::string, time_point> made;
    std::set<std::uint64_t> used;
    std::vector<std::string> codes;
    int log_ins = 0, renewals = 0, served = 0, refused_calls = 0, reads_with_csrf = 0, wrote_with_csrf = 0;
};

credentials by_password(const std::string& word = "right") {
    credentials who;
    who.user = "steward@pve";
    who.password = word;
    return who;
}

struct world {
    explicit world(credentials who, throttle_options limits = {}) : authority(time), tasks(time.io().get_executor()) {
        auto made = std::make_unique<scripted_exchange>(time, 1);
        exchange = made.get();
        exchange->answer = [this](std::size_t, const net::http_request& r) { return authority.handle(r); };
        https_options options;
        options.limits = limits;
        transport = std::make_unique<https_transport>(time, chance, std::move(made), std::move(who), options);
    }
    ~world() {
        tasks.cancel();
        time.run_for(0s);
        CHECK(tasks.size() == 0);
        CHECK(time.sleepers() == 0);
    }

    asio::awaitable<void> ask(request call, duration limit) {
        const time_point deadline = time.now() + limit;
        const auto got = co_await transport->send(std::move(call), deadline);
        outcomes.push_back(got ? std::to_string(got->status) : name_of(got.error().code));
        if (!got) words.push_back(got.error().text());
    }
    void start(verb what = verb::get, duration limit = 20s) {
        tasks.spawn("call", ask(request(what, "/version"), limit));
    }
    std::string send(verb what = verb::get, duration limit = 20s) {
        start(what, limit);
        const std::size_t before = outcomes.size();
        REQUIRE(time.run_until([&] { return outcomes.size() > before; }, 1h));
        return outcomes.back();
    }

    random_source chance{1};
    sim_time time;
    ticket_authority authority;
    scripted_exchange* exchange = nullptr;
    std::unique_ptr<https_transport> transport;
    task_group tasks;
    std::vector<std::string> outcomes;
    std::vector<std::string> words;
};

}  // namespace

TEST_CASE("login: three hours of calls never surface a 401") {
    world w(by_password());
    for (int i = 0; i < 3 * 120; ++i) {
        CHECK(w.send(i % 10 == 0 ? verb::create : verb::get) == "200");
        w.time.run_for(30s);
    }
    CHECK(w.authority.refused_calls == 0);
    CHECK(w.authority.log_ins == 3);
    CHECK(w.authority.renewals == 2);  // at half life, without the password
}

TEST_CASE("login: a ticket that dies early is replaced once, also for writes") {
    for (const verb what : {verb::get, verb::create, verb::remove}) {
        world w(by_password());
        REQUIRE(w.send() == "200");
        w.authority.made.clear();  // the cluster's key was rotated
        CHECK(w.send(what) == "200");
        CHECK(w.authority.refused_calls == 1);
        CHECK(w.authority.log_ins == 2);
    }
}

TEST_CASE("login: a ticket that is never accepted does not go round in circles") {
    world w(by_password());
    w.authority.life = 0s;
    CHECK(w.send() == "401");
    CHECK(w.authority.refused_calls == 2);
    CHECK(w.authority.log_ins == 2);
}

TEST_CASE("login: a hundred calls at once are one log-in") {
    world w(by_password());
    for (int i = 0; i < 100; ++i) w.start();
    w.time.run_for(20s);
    CHECK(w.outcomes == std::vector<std::string>(100, "200"));
    CHECK(w.authority.log_ins == 1);
    SECTION("and so after a common 401") {
        w.authority.made.clear();
        for (int i = 0; i < 100; ++i) w.start();
        w.time.run_for(20s);
        CHECK(w.outcomes == std::vector<std::string>(200, "200"));
        CHECK(w.authority.log_ins == 2);
    }
    SECTION("and so at half life, when nobody waits for it but one") {
        w.time.run_for(1h);
        w.exchange->latency = 1s;
        for (int i = 0; i < 5; ++i) w.start();
        w.time.run_for(1500ms);
        CHECK(w.outcomes.size() == 104);
        w.time.run_for(1s);
        CHECK(w.outcomes.size() == 105);
        CHECK(w.authority.log_ins == 2);
    }
}

TEST_CASE("login: who waits takes over from a leader that was cancelled or out of time") {
    world w(by_password());
    w.exchange->latency = 1s;
    task_group first(w.time.io().get_executor());
    SECTION("cancelled") {
        first.spawn("first", w.ask(request(verb::get, "/version"), 20s));
        w.time.run_for(100ms);
        w.start();
        w.time.run_for(100ms);
        first.cancel();
        w.time.run_for(5s);
        CHECK(w.outcomes == std::vector<std::string>{"200"});
    }
    SECTION("out of time") {
        w.exchange->moods[0] = scripted_exchange::mood::silent;
        first.spawn("first", w.ask(request(verb::get, "/version"), 500ms));
        w.time.run_for(100ms);
        w.start();
        w.time.run_for(100ms);
        w.exchange->moods[0] = scripted_exchange::mood::answers;
        w.time.run_for(10s);
        CHECK(w.outcomes == std::vector<std::string>{"not_delivered", "200"});
    }
    CHECK(first.size() == 0);
}

TEST_CASE("login: those who wait can be cancelled, and share a failure") {
    world w(by_password());
    w.exchange->moods[0] = scripted_exchange::mood::silent;
    for (int i = 0; i < 10; ++i) w.start();
    w.time.run_for(100ms);
    SECTION("cancelled") {
        w.tasks.cancel();
        w.time.run_for(0s);
        CHECK(w.tasks.size() == 0);
        CHECK(w.time.sleepers() == 0);
        CHECK(w.exchange->busy == 0);
        CHECK(w.outcomes.empty());
    }
    SECTION("failed") {
        w.time.run_for(4s);
        CHECK(w.outcomes == std::vector<std::string>(10, "not_delivered"));
        CHECK(w.exchange->tried.size() == 1);
    }
}

TEST_CASE("login: a wrong password is not tried with every call") {
    world w(by_password("wrong"));
    CHECK(w.send() == "unauthorized");
    for (int i = 0; i < 5; ++i) CHECK(w.send() == "unauthorized");
    CHECK(w.authority.log_ins == 1);
    CHECK(w.words.back().find("wrong") != std::string::npos);
    w.time.run_for(31s);
    w.authority.password = "wrong";
    CHECK(w.send() == "200");
}

TEST_CASE("login: a renewal that fails leaves the ticket that still lives") {
    world w(by_password());
    REQUIRE(w.send() == "200");
    w.time.run_for(61min);
    SECTION("nobody answers: the call itself says so, later ones go on") {
        w.exchange->moods[0] = scripted_exchange::mood::refuses;
        CHECK(w.send() == "not_delivered");
        w.exchange->moods[0] = scripted_exchange::mood::answers;
        CHECK(w.send() == "200");
        CHECK(w.authority.log_ins == 1);  // renewed only after a pause
        w.time.run_for(1min);
        CHECK(w.send() == "200");
        CHECK(w.authority.renewals == 1);
    }
    SECTION("the ticket is no longer accepted: the password is") {
        w.authority.made.clear();
        CHECK(w.send() == "200");
        CHECK(w.authority.log_ins == 3);
        CHECK(w.authority.renewals == 0);
        CHECK(w.authority.refused_calls == 0);
    }
}

TEST_CASE("login: the second factor") {
    credentials who = by_password();
    who.totp_key = totp_key;
    SECTION("is answered, and not asked for at renewals") {
        world w(who);
        w.authority.has_second_factor = true;
        CHECK(w.send() == "200");
        CHECK(w.authority.log_ins == 2);
        w.time.run_for(61min);
        CHECK(w.send() == "200");
        CHECK(w.authority.renewals == 1);
        CHECK(w.authority.codes.size() == 1);
    }
    SECTION("is never answered twice with the same code") {
        world w(who);
        w.authority.has_second_factor = true;
        REQUIRE(w.send() == "200");
        w.authority.made.clear();
        CHECK(w.send(verb::get, 40s) == "200");
        CHECK(w.authority.codes.size() == 2);
        CHECK(w.authority.codes[0] != w.authority.codes[1]);
    }
    SECTION("wants a secret") {
        world w(by_password());
        w.authority.has_second_factor = true;
        CHECK(w.send() == "unauthorized");
        CHECK(w.words.back().find("totp_file") != std::string::npos);
    }
    SECTION("a wrong secret is said, and not tried again at once") {
        who.totp_key = "another";
        world w(who);
        w.authority.has_second_factor = true;
        CHECK(w.send() == "unauthorized");
        CHECK(w.send() == "unauthorized");
        CHECK(w.authority.codes.size() == 1);
        CHECK(w.words.back().find("one-time") != std::string::npos);
    }
}

TEST_CASE("login: CSRF token with ticket writes, and with nothing else") {
    world w(by_password());
    CHECK(w.send(verb::create) == "200");
    CHECK(w.send(verb::set) == "200");
    CHECK(w.send(verb::remove) == "200");
    CHECK(w.send(verb::get) == "200");
    CHECK(w.authority.reads_with_csrf == 0);
    CHECK(w.authority.refused_calls == 0);
}

TEST_CASE("login: a token never logs in") {
    credentials who;
    who.token = "svc@pve!t=good";
    SECTION("good") {
        world w(who);
        CHECK(w.send(verb::create) == "200");
        CHECK(w.send(verb::get) == "200");
        CHECK(w.authority.wrote_with_csrf == 0);
        CHECK(w.authority.log_ins == 0);
    }
    SECTION("bad: the 401 is the answer") {
        who.token = "svc@pve!t=bad";
        world w(who);
        CHECK(w.send(verb::get) == "401");
        CHECK(w.exchange->requests.size() == 1);
    }
}

TEST_CASE("login: a 403 is an answer") {
    world w(by_password());
    REQUIRE(w.send() == "200");
    w.authority.status = 403;
    CHECK(w.send() == "403");
    CHECK(w.authority.log_ins == 1);
    CHECK(w.exchange->requests.size() == 3);
}

TEST_CASE("login: answers that are no ticket") {
    for (const char* body : {"", "<html>", "[]", R"({"data":null})", R"({"data":{"ticket":1}})",
                             R"({"data":{"ticket":"x"}})", R"({"data":{"CSRFPreventionToken":"x"}})"}) {
        INFO(body);
        world w(by_password());
        w.exchange->answer = [&](std::size_t, const net::http_request&) {
            return scripted_exchange::respond(200, "OK", body);
        };
        CHECK(w.send() == "garbage");
    }
}
