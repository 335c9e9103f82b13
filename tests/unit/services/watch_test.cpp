#include "services/health/watch.hpp"

#include "api/views.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "support/simulated_site.hpp"

#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>
#include <vector>

using namespace steward;
using namespace std::chrono_literals;

namespace {

/// Takes as long as its script says, in seconds, and wants the next attempt after ten.
class slow_attempts {
  public:
    slow_attempts(time_source& t, std::vector<int> s) : time_(t), script_(std::move(s)) {}

    boost::asio::awaitable<duration> make(time_point) {
        const int takes = at_ < script_.size() ? script_[at_++] : 0;
        co_await time_.sleep_for(std::chrono::seconds(takes));
        ended.push_back(time_.now().time_since_epoch() / 1s);
        co_return 10s;
    }
    std::vector<std::int64_t> ended;

  private:
    time_source& time_;
    std::vector<int> script_;
    std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("a check keeps its rhythm, and an attempt that overran is followed at once, not twice") {
    sim_time time;
    slow_attempts attempts(time, {0, 25, 0, 0});
    task_group tasks(time.io().get_executor());
    tasks.spawn("watch", watch_check(time, 3s, [&](time_point due) { return attempts.make(due); }));
    time.run_for(59s);
    CHECK(attempts.ended == std::vector<std::int64_t>{3, 38, 38, 48, 58});
    tasks.cancel();
    time.run_for(0s);
    CHECK(tasks.size() == 0);
    CHECK(time.sleepers() == 0);
}

TEST_CASE("first attempts are spread over one interval") {
    random_source chance(1);
    duration least = 10s;
    duration most = 0s;
    for (int i = 0; i < 200; ++i) {
        const duration delay = jitter(10s, chance);
        least = std::min(least, delay);
        most = std::max(most, delay);
    }
    CHECK(least >= 0s);
    CHECK(least < 1s);
    CHECK(most < 10s);
    CHECK(most > 9s);
}

TEST_CASE("a warning of a check is shown, and moves nothing") {
    simulated_site site;
    site.time.run_for(60s);
    site.warning = "certificate expired 3 days ago";
    site.time.run_for(600s);
    CHECK(site.at(ct102) == failover::phase::watching);
    CHECK(site.writes() == 0);
    const auto status = api::status_view(site.all());
    CHECK(status.at("severity") == "warning");
    const auto& first = status.at("guests").as_array().at(0).as_object();
    CHECK(first.at("severity") == "warning");
    CHECK_THAT(boost::json::serialize(first.at("warnings")), Catch::Contains(": certificate expired 3 days ago"));
    const auto guest = api::guest_view(site.all(), ct102);
    REQUIRE(guest);
    CHECK(guest->at("checks").as_array().at(0).as_object().at("warning") == "certificate expired 3 days ago");
    site.warning.clear();
    site.time.run_for(60s);
    CHECK(api::status_view(site.all()).at("severity") == "ok");
}
