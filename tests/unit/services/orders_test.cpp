#include "api/order_desk.hpp"
#include "support/simulated_site.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

api::served_cluster served(const std::string& name, keeper* all, const std::string& problem = "") {
    api::served_cluster c;
    c.name = name;
    if (all != nullptr) c.all = std::shared_ptr<keeper>(all, [](keeper*) {});  // the site keeps it
    c.problem = problem;
    return c;
}

boost::asio::awaitable<boost::json::object> nothing_to_tell() { co_return boost::json::object(); }

boost::asio::awaitable<void> keep(std::vector<api::served_cluster> clusters, std::string line, std::string asker,
                                  std::optional<std::string>& into) {
    api::configuration_teller nothing_told = &nothing_to_tell;
    std::string answer =
        co_await api::answer_request(std::move(clusters), std::move(line), std::move(asker), std::move(nothing_told));
    into = std::move(answer);
}

json::object ask(simulated_site& site, std::vector<api::served_cluster> clusters, const std::string& line,
                 const std::string& asker = "root") {
    std::optional<std::string> answer;
    task_group tasks(site.time.io().get_executor());
    tasks.spawn("ask", keep(std::move(clusters), line, asker, answer));
    REQUIRE(site.time.run_until([&] { return answer.has_value(); }, 2min));
    return json::parse(*answer).as_object();
}

/// "ct/102 vm/103"
std::string guests_in(const json::object& answer) {
    std::string all;
    for (const auto& g : answer.at("data").as_object().at("guests").as_array())
        all += (all.empty() ? "" : " ") + std::string(g.as_object().at("guest").as_string());
    return all;
}

std::string error_of(const json::object& answer) {
    return answer.at("ok").as_bool() ? "" : std::string(answer.at("error").as_string());
}

}  // namespace

TEST_CASE("several guests are asked about, and paused, by a selector; nothing else is ordered for several at once") {
    simulated_site site;
    site.time.run_for(60s);
    const std::vector<api::served_cluster> one{served("", &site.all())};
    CHECK(guests_in(ask(site, one, R"({"do":"status"})")) == "ct/102 vm/103");
    CHECK(guests_in(ask(site, one, R"({"do":"status","guests":"@node-n3"})")) == "vm/103");
    CHECK(guests_in(ask(site, one, R"({"do":"why","guests":["@all","-vm/103"]})")) == "ct/102");
    CHECK(guests_in(ask(site, one, R"({"do":"plan","guests":"100-110"})")) == "ct/102 vm/103");
    CHECK(error_of(ask(site, one, R"({"do":"why","guests":"ct/101"})")).find("speaks of no guest") !=
          std::string::npos);
    CHECK(error_of(ask(site, one, R"({"do":"why","guests":"@colour"})")).find("@tag-NAME") != std::string::npos);
    CHECK(error_of(ask(site, one, R"({"do":"failover","guests":"@all"})")).find("one guest at a time") !=
          std::string::npos);
    CHECK(error_of(ask(site, one, R"({"do":"pause","guests":"@all"})", "")).find("orders are taken from root") !=
          std::string::npos);
    CHECK(site.all().pauses().all().empty());
    CHECK(error_of(ask(site, one, R"({"do":"pause","guests":"@all","for":"2h"})")).empty());
    CHECK(site.all().pauses().all().size() == 2);
    CHECK(error_of(ask(site, one, R"({"do":"resume","guests":"vm/103"})")).empty());
    REQUIRE(site.all().pauses().all().size() == 1);
    CHECK(site.all().pauses().all().front().object == "ct/102");
}

TEST_CASE("of several clusters one is named; only the status is of all") {
    simulated_site site;
    site.time.run_for(60s);
    const std::vector<api::served_cluster> two{served("prod", &site.all()), served("lab", nullptr, "no such file")};
    CHECK(guests_in(ask(site, two, R"({"do":"status","cluster":"prod"})")) == "ct/102 vm/103");
    CHECK(error_of(ask(site, two, R"({"do":"why","guest":"ct/102"})"))
              .find("which cluster? --cluster with one of: prod, lab") != std::string::npos);
    CHECK(error_of(ask(site, two, R"({"do":"arm","cluster":"lab"})")).find("no such file") != std::string::npos);
    CHECK(error_of(ask(site, two, R"({"do":"arm","cluster":"dev"})")).find("there is no cluster \"dev\"") !=
          std::string::npos);
    const json::object all = ask(site, two, R"({"do":"status"})").at("data").as_object();
    CHECK(all.at("severity") == "critical");
    CHECK(all.at("clusters").as_array().at(0).as_object().at("name") == "prod");
    CHECK(all.at("clusters").as_array().at(1).as_object().at("problem") == "no such file");
    const std::vector<api::served_cluster> only{served("prod", &site.all())};
    CHECK(guests_in(ask(site, only, R"({"do":"status"})")) == "ct/102 vm/103");
}
