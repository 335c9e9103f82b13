#include "pve/over_nodes.hpp"

#include "pve/http_meaning.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;

namespace {

/// What each node does: "3" answers 3 after so many seconds, a status refuses, "hang" never answers, "throw" is a bug.
class listing {
  public:
    listing(time_source& t, std::map<std::string, std::string> b) : time(t), behaviour(std::move(b)) {}

    boost::asio::awaitable<result<std::string>> ask(node_name node) {
        order.push_back(node.str());
        most = std::max(most, ++in_flight);
        const leave here(in_flight);
        const std::string how = behaviour.at(node.str());
        if (how == "throw") throw std::logic_error("a bug");
        if (how == "hang") co_await time.sleep_for(1h);
        if (how.size() == 3) {
            co_await time.sleep_for(1s);
            fault f(how == "403" ? errc::forbidden : errc::not_delivered, "pve GET /nodes/" + node.str() + "/lxc",
                    "no");
            f.http_status = std::stoi(how);
            co_return f;
        }
        co_await time.sleep_for(std::chrono::seconds(std::stoi(how)));
        co_return "from " + node.str();
    }

    class leave {
      public:
        explicit leave(int& c) : count(c) {}
        ~leave() { --count; }
        leave(const leave&) = delete;
        leave& operator=(const leave&) = delete;
        int& count;
    };

    time_source& time;
    std::map<std::string, std::string> behaviour;
    std::vector<std::string> order;
    int in_flight = 0;
    int most = 0;
};

class outcome {
  public:
    std::optional<partial<std::string>> all;
    duration took{};
};

boost::asio::awaitable<void> run(listing& what, std::vector<node_name> nodes, over_nodes_options options,
                                 outcome& into) {
    const time_point began = what.time.now();
    auto ask = [&what](node_name node) { return what.ask(std::move(node)); };
    auto asking = over_nodes(what.time, std::move(nodes), options, std::move(ask));
    into.all = co_await std::move(asking);
    into.took = what.time.now() - began;
}

std::string text(const partial<std::string>& all) {
    std::string out;
    for (const auto& [node, answer] : all.answers) out += node.str() + "=" + answer + " ";
    for (const auto& [node, why] : all.missing)
        out += node.str() + "!" + name_of(why.code) + (is_about_node(why) ? "(node) " : " ");
    return out;
}

std::vector<node_name> named(const std::map<std::string, std::string>& behaviour) {
    std::vector<node_name> nodes;
    for (const auto& [node, how] : behaviour) nodes.emplace_back(node);
    return nodes;
}

}  // namespace

TEST_CASE("one dead node never blanks a listing") {
    struct row {
        const char* name;
        std::map<std::string, std::string> behaviour;
        std::size_t in_flight;
        const char* expected;
        bool is_complete;
        duration took;
        int most;
    };
    const row rows[] = {
        {"all answer", {{"a", "1"}, {"b", "1"}, {"c", "1"}}, 8, "a=from a b=from b c=from c ", true, 1s, 3},
        {"in the order of the nodes, not of the answers",
         {{"a", "3"}, {"b", "2"}, {"c", "1"}},
         8,
         "a=from a b=from b c=from c ",
         true,
         3s,
         3},
        {"one is dead",
         {{"a", "1"}, {"b", "595"}, {"c", "1"}},
         8,
         "a=from a c=from c b!not_delivered(node) ",
         false,
         1s,
         3},
        {"one is silent", {{"a", "1"}, {"b", "hang"}, {"c", "1"}}, 8, "a=from a c=from c b!timed_out ", false, 5s, 3},
        {"one refuses", {{"a", "403"}, {"b", "1"}}, 8, "b=from b a!forbidden ", false, 1s, 2},
        {"all are dead", {{"a", "596"}, {"b", "hang"}}, 8, "a!not_delivered(node) b!timed_out ", false, 5s, 2},
        {"two at a time",
         {{"a", "2"}, {"b", "2"}, {"c", "2"}, {"d", "2"}, {"e", "2"}},
         2,
         "a=from a b=from b c=from c d=from d e=from e ",
         true,
         6s,
         2},
        {"each has a deadline of its own",
         {{"a", "hang"}, {"b", "hang"}, {"c", "4"}},
         1,
         "c=from c a!timed_out b!timed_out ",
         false,
         14s,
         1},
        {"a cap of none is one", {{"a", "1"}, {"b", "1"}}, 0, "a=from a b=from b ", true, 2s, 1},
        {"no nodes", {}, 8, "", true, 0s, 0},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            sim_time time;
            listing what(time, r.behaviour);
            over_nodes_options options;
            options.in_flight = r.in_flight;
            options.each = 5s;
            outcome got;
            task_group tasks(time.io().get_executor());
            tasks.spawn("list", run(what, named(r.behaviour), options, got));
            time.run_for(60s);
            REQUIRE(got.all);
            CHECK(text(*got.all) == r.expected);
            CHECK(got.all->is_complete() == r.is_complete);
            CHECK(got.took == r.took);
            CHECK(what.most == r.most);
            CHECK(what.in_flight == 0);
            CHECK(tasks.size() == 0);
            CHECK(time.sleepers() == 0);
        }
    }
}

TEST_CASE("a fault without a place gets the node's name, one with a place keeps it") {
    CHECK(pve::detail::of_node(node_name("n2"), fault(errc::timed_out, "", "no answer")).text() ==
          "node n2: no answer");
    CHECK(pve::detail::of_node(node_name("n2"), fault(errc::forbidden, "pve GET /x", "no")).text() == "pve GET /x: no");
}

TEST_CASE("a bug in a listing comes out of it, after the others have ended") {
    sim_time time;
    listing what(time, {{"a", "1"}, {"b", "throw"}, {"c", "2"}});
    outcome got;
    task_group tasks(time.io().get_executor());
    tasks.spawn("list", run(what, named(what.behaviour), over_nodes_options(), got));
    time.run_for(1s);
    CHECK(tasks.size() == 1);
    time.run_for(1s);
    CHECK(tasks.size() == 0);
    CHECK(!got.all);
    CHECK(what.in_flight == 0);
    bool is_thrown = false;
    const auto join = [](task_group& group, bool& thrown) -> boost::asio::awaitable<void> {
        try {
            co_await group.join();
        } catch (const std::logic_error&) {
            thrown = true;
        }
    };
    task_group other(time.io().get_executor());
    other.spawn("join", join(tasks, is_thrown));
    time.run_for(0s);
    CHECK(is_thrown);
}
