#include "forecast_command.hpp"

#include "api_exit.hpp"
#include "cluster_options.hpp"
#include "config/load.hpp"
#include "forecast_view.hpp"
#include "output.hpp"
#include "pve/client.hpp"
#include "pve/connection.hpp"
#include "services/failover/guest_keeper.hpp"
#include "services/forecast/survey.hpp"

#include <boost/json/value.hpp>

#include <fmt/core.h>

namespace steward::cli {
namespace asio = boost::asio;
namespace {

class forecast_call {
  public:
    failover::survey_wish wish;
    std::string cluster_name;  ///< empty: any
    arguments given;
};

asio::awaitable<int> make_forecast(pve::connection& cluster, forecast_call call) {
    pve::client pve(cluster.wire(), cluster.session().time(), std::chrono::seconds(30));
    pve.expect_cluster(call.cluster_name);
    const std::optional<node_name> node = call.wish.node_down;
    const std::optional<guest_id> guest = call.wish.guest;
    auto found = co_await failover::survey_cluster(pve, std::move(call.wish));
    if (!found) co_return complain(found.error()) == 2 ? 2 : 3;
    if (node && found->view.nodes.count(*node) == 0)
        co_return refuse_usage(fmt::format("the cluster has no node \"{}\"", node->str()));
    if (guest && found->view.find(*guest) == nullptr)
        co_return refuse_usage(
            fmt::format("{} is not in the cluster's list: it does not exist, or the token may not "
                        "see it (VM.Audit)",
                        to_string(*guest)));
    print_answer(call.given, as_json(*found), is_for_people(call.given) ? as_text(*found) : "");
    co_return guests_at_risk(*found) == 0 ? 0 : 1;
}

/// What the configuration file says of its guests, when there is one that is meant.
result<void> read_rules(const arguments& given, forecast_call& into) {
    config::settings known;
    if (const auto file = meant_config(given)) {
        auto meant = meant_cluster(*file, given);
        if (!meant) return meant.error();
        known = std::move(*meant);
    }
    into.cluster_name = known.pve.name;
    into.wish.rules_of = [known = std::move(known)](const model::guest_row& row) {
        failover::guest_rules r;
        const auto said = config::rules_for(known, row);
        if (!said) return r;
        r.rules = policy_of(*said);
        r.priority = said->failover.priority;
        r.is_managed = true;
        return r;
    };
    return {};
}

}  // namespace

int forecast_main(const arguments& given) {
    forecast_call call;
    call.given = given;
    if (given.words.size() == 2) {
        const auto guest = parse_guest_id(given.words[1]);
        if (!guest) return refuse_usage(guest.error().text());
        call.wish.guest = *guest;
    }
    if (given.has("node-down")) {
        const auto node = parse_node_name(given.option("node-down", ""));
        if (!node) return refuse_usage(node.error().text());
        call.wish.node_down = *node;
    }
    if (const auto read = read_rules(given, call); !read) return refuse(read.error());
    auto options = usable_options(given);
    if (!options) return refuse(options.error());
    pve::connection cluster(std::move(*options));
    return cluster.run(make_forecast(cluster, std::move(call)));
}

}  // namespace steward::cli
