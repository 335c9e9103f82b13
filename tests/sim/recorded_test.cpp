#include "net/https_server.hpp"
#include "net/request_reader.hpp"
#include "sim/front/wire.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/faults.hpp"
#include "sim/recorded_compare.hpp"
#include "sim/recorded_request.hpp"
#include "sim/recorded_rig.hpp"
#include "sim/recorded_rows.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/core.h>
#include <iostream>
#include <memory>
#include <sstream>
#include <utility>

using namespace steward;
using namespace steward::sim;
using namespace steward::sim::recorded;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

/// What one file of rows is replayed on. UPIDs differ from run to run, so a recorded one stands for the one that came
/// in its place.
class replay {
  public:
    void prepare(const directive& d) {
        INFO("! " + d.verb + " " + d.rest);
        if (d.verb == "topology") {
            options o = make_rig(d.rest);
            o.wall_start = wall_time(std::chrono::seconds(1795204422));
            model = std::make_unique<cluster>(std::move(o));
            contacted = model->nodes().front().name;
            began = model->now();
            first_offset.reset();
        } else if (d.verb == "clock") {
            // For rows with dates in names: their offsets count from here.
            model->advance_to(model->now() + (wall_time(std::chrono::seconds(std::stol(d.rest))) - model->wall_now()));
            began = model->now();
        } else if (d.verb == "ask") {
            contacted = node_name(d.rest);
        } else if (d.verb == "fault") {
            const auto done = apply_fault(*model, d.rest);
            if (!done) FAIL(done.error().text());
        } else if (d.verb == "pass") {
            const auto time = parse_duration(d.rest);
            REQUIRE(time);
            model->advance_to(model->now() + *time);
        } else if (d.verb == "until") {
            model->advance_to(began + std::chrono::seconds(std::stol(d.rest) - first_offset.value_or(0)));
        } else if (d.verb == "settle") {
            settle();
        } else if (d.verb == "call" || d.verb == "begin") {
            unrecorded_call(d.rest);
            if (d.verb == "call") settle();
        } else if (d.verb == "ticket" || d.verb == "csrf") {
            forgeries.push_back(d);
        } else {
            FAIL("unknown directive " << d.verb);
        }
    }

    /// Headers of somebody who has logged in instead of using root@pam's token.
    std::vector<std::pair<std::string, std::string>> logged_in(const std::string& user) {
        row login;
        login.method = "POST";
        login.target = "/api2/json/access/ticket";
        login.has_credentials = false;
        login.body = "username=" + user + "&password=" + (user == "root@pam" ? "rigroot1" : "rigpass1");
        const wire::answer given = serve(login);
        INFO(given.reply.body);
        REQUIRE(given.reply.status == 200);
        const json::value data = json::parse(given.reply.body).at("data");
        return {{"Cookie", "PVEAuthCookie=" + std::string(data.at("ticket").as_string())},
                {"CSRFPreventionToken", std::string(data.at("CSRFPreventionToken").as_string())}};
    }

    /// "POST /nodes/pve/lxc/100/status/start timeout=5 by root@pam as UPID:pve:…"
    void unrecorded_call(std::string text) {
        std::string recorded_upid;
        if (const std::size_t as = text.find(" as UPID:"); as != std::string::npos) {
            recorded_upid = text.substr(as + 4);
            text.resize(as);
        }
        row r;
        if (const std::size_t by = text.find(" by "); by != std::string::npos) {
            r.headers = logged_in(text.substr(by + 4));
            r.has_credentials = false;
            text.resize(by);
        }
        const std::size_t verb = text.find(' ');
        const std::size_t path = text.find(' ', verb + 1);
        r.method = text.substr(0, verb);
        r.target = "/api2/json" + text.substr(verb + 1, path == std::string::npos ? path : path - verb - 1);
        if (path != std::string::npos) r.body = text.substr(path + 1);
        const wire::answer given = serve(r);
        INFO(given.reply.body);
        REQUIRE(given.reply.status == 200);
        if (!recorded_upid.empty()) remember(json::value(recorded_upid), json::parse(given.reply.body).at("data"));
    }

    void settle() {
        const time_point limit = model->now() + 10min;
        const auto busy = [&] {
            return std::any_of(model->tasks().begin(), model->tasks().end(),
                               [](const auto& t) { return t.second.running(); });
        };
        while (busy() && model->now() < limit) model->advance_to(model->now() + 100ms);
        REQUIRE_FALSE(busy());
    }

    /// At the time of its row in the recording, or at once when preparing took longer.
    void reach(const row& r) {
        if (!first_offset) first_offset = r.offset_seconds;
        model->advance_to(began + std::chrono::seconds(r.offset_seconds - *first_offset));
    }

    /// "! ticket USER AGE as STAMP", "! csrf …": what the row has with that recorded time was signed with another key,
    /// so it stands for one of this cluster that is as old when the row is sent.
    void forge(const row& r) {
        for (const directive& d : std::exchange(forgeries, {})) {
            std::istringstream in(d.rest);
            std::string user;
            std::string age_text;
            std::string as;
            std::string stamp;
            in >> user >> age_text >> as >> stamp;
            const bool is_ahead = age_text.starts_with("-");
            const auto age = parse_duration(std::string_view(age_text).substr(is_ahead ? 1 : 0));
            REQUIRE(age);
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*age);
            const wall_time made = is_ahead ? model->wall_now() + seconds : model->wall_now() - seconds;
            const bool is_ticket = d.verb == "ticket";
            const std::string recorded =
                is_ticket ? ticket_in(r, fmt::format("PVE:{}:{}::", user, stamp)) : csrf_in(r, stamp + ":");
            REQUIRE_FALSE(recorded.empty());
            stands_for.emplace_back(
                recorded, is_ticket ? model->access().make_ticket(user, made) : model->access().make_csrf(user, made));
        }
    }

    wire::answer serve(const row& r) {
        const time_point arrived = model->now();
        row sent = r;
        sent.target = mapped(r.target);
        sent.body = mapped(r.body);
        for (auto& [name, value] : sent.headers) value = mapped(value);
        std::string bytes = request_bytes(sent);
        net::request_reader reader;
        while (reader.read(bytes) == net::request_reader::stage::judge)
            wire::wants_body(*model, contacted, reader.request(), reader.announced()) ? reader.read_body()
                                                                                      : reader.leave_body();
        is_http_1_0 = reader.request().minor_version == 0;
        took = 0s;
        wire::answer given;
        if (reader.now() == net::request_reader::stage::refused) {
            given.reply = wire::refusal(*model, reader.status(), reader.reason());
            return given;
        }
        if (reader.now() == net::request_reader::stage::ignored) {
            given.reply.status = 0;
            took = net::server_options().idle_limit;
            return given;
        }
        REQUIRE(reader.now() == net::request_reader::stage::complete);
        given = wire::serve(*model, contacted, reader.request());
        while (given.again) {
            model->advance_to(model->now() + given.delay);
            given = wire::serve(*model, contacted, reader.request(), arrived);
        }
        took = model->now() - arrived + given.delay;
        return given;
    }

    void remember(const json::value& was, const json::value& is) {
        if (was.is_object() && is.is_object())
            for (const char* key : {"ticket", "CSRFPreventionToken"}) {
                const json::value* recorded = was.get_object().if_contains(key);
                const json::value* now = is.get_object().if_contains(key);
                if (recorded != nullptr && now != nullptr && recorded->is_string() && now->is_string())
                    stands_for.emplace_back(std::string(recorded->get_string()), std::string(now->get_string()));
            }
        if (was.is_string() && is.is_string() && was.get_string().starts_with("UPID:"))
            stands_for.emplace_back(std::string(was.get_string()), std::string(is.get_string()));
    }

    [[nodiscard]] std::string mapped(std::string text) const {
        for (const auto& [was, is] : stands_for) {
            replace_all(text, was, is);
            replace_all(text, encoded(was), encoded(is));
        }
        return text;
    }

    std::unique_ptr<cluster> model;
    duration took{};
    bool is_http_1_0 = false;

  private:
    static void replace_all(std::string& text, const std::string& what, const std::string& by) {
        for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
            text.replace(at, what.size(), by);
    }

    static std::string encoded(const std::string& text) {
        std::string out;
        for (const char c : text) {
            if (std::string_view(":@!+/=").find(c) != std::string_view::npos)
                out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
            else
                out += c;
        }
        return out;
    }

    /// What begins so in a header or in the body, with the signature behind it.
    static std::string ticket_in(const row& r, const std::string& begin) {
        std::vector<std::string> places = {percent_decode(r.body)};
        for (const auto& [name, value] : r.headers) places.push_back(percent_decode(value));
        for (const std::string& text : places) {
            const std::size_t at = text.find(begin);
            if (at == std::string::npos) continue;
            const std::size_t end = text.find_first_of("&; ", at);
            return text.substr(at, end == std::string::npos ? end : end - at);
        }
        return {};
    }

    static std::string csrf_in(const row& r, const std::string& begin) {
        for (const auto& [name, value] : r.headers)
            if (name == "CSRFPreventionToken" && value.starts_with(begin)) return value;
        return {};
    }

    std::vector<directive> forgeries;
    node_name contacted;
    time_point began{};
    std::optional<long> first_offset;
    std::vector<std::pair<std::string, std::string>> stands_for;
};

std::vector<std::string> header_names(const net::server_reply& r) {
    std::vector<std::string> names;
    for (const auto& [name, value] : r.headers) names.push_back(name);
    names.emplace_back("Connection");
    if (!r.omit_length) names.emplace_back("Content-Length");
    std::sort(names.begin(), names.end());
    return names;
}

void compare(replay& on, const row& r, const wire::answer& given) {
    CHECK(given.reply.status == r.status);
    if (r.status != 0) CHECK(header_names(given.reply) == header_names_of(r.kind));
    CHECK(given.reply.reason == (r.status == 0 ? "OK" : on.mapped(r.reason)));
    CHECK(on.is_http_1_0 == r.is_http_1_0);
    CHECK((given.reply.close_after || r.status < 400));
    if (r.data) {
        json::error_code ec;
        const json::value now = json::parse(given.reply.body, ec);
        REQUIRE_FALSE(ec);
        const json::value was = json::parse(on.mapped(json::serialize(*r.data)));
        if (was.is_object() && was.get_object().contains("data") && now.is_object() &&
            now.get_object().contains("data"))
            on.remember(was.at("data"), now.at("data"));
        const json::value expected = json::parse(on.mapped(json::serialize(*r.data)));
        CHECK(difference(expected, now, r.volatile_keys) == "");
    } else if (!r.text.empty()) {
        CHECK(given.reply.body == on.mapped(r.text));
    }
    // Long waits are part of the contract; short ones are the machine's.
    const long waited = on.took / 1ms;
    if (r.took_milliseconds >= 1000)
        CHECK(std::abs(waited - r.took_milliseconds) <= r.took_milliseconds / 8);
    else
        CHECK(waited < 1000);
}

class tally {
  public:
    int rows = 0;
    int left_out = 0;
    std::string reasons;
};

void replay_file(const std::filesystem::path& file, tally& count) {
    replay on;
    for (const row& r : read_rows(file.string())) {
        INFO(file.filename().string() + " " + r.name + ": " + r.method + " " + r.target);
        const auto differs =
            std::find_if(r.before.begin(), r.before.end(), [](const directive& d) { return d.verb == "differs"; });
        for (const directive& d : r.before)
            if (d.verb != "differs") on.prepare(d);
        REQUIRE(on.model);
        if (differs != r.before.end()) {
            REQUIRE(differs->rest.size() > 10);
            ++count.left_out;
            count.reasons += fmt::format("  {}: {}\n", r.name, differs->rest);
            continue;
        }
        on.reach(r);
        on.forge(r);
        const wire::answer given = on.serve(r);
        compare(on, r, given);
        ++count.rows;
    }
}

}  // namespace

TEST_CASE("the simulated cluster answers like the recorded one") {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(STEWARD_RECORDED))
        if (entry.path().extension() == ".rows") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    REQUIRE_FALSE(files.empty());
    for (const auto& file : files) {
        SECTION(file.stem().string()) {
            tally count;
            replay_file(file, count);
            std::cout << fmt::format("{}: {} recorded exchanges compared, {} left out\n{}", file.stem().string(),
                                     count.rows, count.left_out, count.reasons);
        }
    }
}
