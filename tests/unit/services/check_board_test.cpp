#include "services/health/check_board.hpp"

#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"

#include <catch2/catch.hpp>
#include <map>

using namespace steward;
using namespace std::chrono_literals;
using health::standing;

namespace {

/// Boards whose checks answer what the test says, by the name of the check.
class bench {
  public:
    class scripted final : public net::prober {
      public:
        scripted(bench& all, std::string name) : all_(all), name_(std::move(name)) {}
        boost::asio::awaitable<probe_result> run() override {
            all_.asked[name_].push_back(std::chrono::duration_cast<std::chrono::milliseconds>(
                                            all_.time.now().time_since_epoch() - all_.zero.time_since_epoch())
                                            .count());
            co_return probe_result(all_.says[name_], "as told");
        }

      private:
        bench& all_;
        std::string name_;
    };

    bench() : zero(time.now()) {}
    ~bench() {
        task_group ends(time.io().get_executor());
        for (auto& b : boards_) ends.spawn("end", b->stop());
        time.run_for(0s);
    }

    check_board& board(const char* owner, check_board* gateways = nullptr) {
        boards_.push_back(std::make_unique<check_board>(time.io().get_executor(), clock, chance, owner));
        check_board& made = *boards_.back();
        made.make_prober = [this](const config::check& c) { return std::make_unique<scripted>(*this, c.name); };
        made.gateways = gateways;
        return made;
    }

    /// Wakes everybody a little late, as a real one does, now more, now less.
    class late_time final : public time_source {
      public:
        explicit late_time(sim_time& inner) : inner_(inner) {}
        [[nodiscard]] time_point now() const override { return inner_.now(); }
        [[nodiscard]] wall_time wall_now() const override { return inner_.wall_now(); }
        [[nodiscard]] boost::asio::awaitable<void> sleep_until(time_point when) override {
            ++sleeps_;
            return inner_.sleep_until(when + late * (1 + sleeps_ % 3));
        }
        duration late{};

      private:
        sim_time& inner_;
        int sleeps_ = 0;
    };

    sim_time time;
    late_time clock{time};
    random_source chance{1};
    time_point zero;
    std::map<std::string, verdict> says;
    std::map<std::string, std::vector<std::int64_t>> asked;  ///< milliseconds

  private:
    std::vector<std::unique_ptr<check_board>> boards_;
};

config::check named(const char* name, std::vector<std::string> parents = {}) {
    config::check c;
    c.name = name;
    c.parents = std::move(parents);
    return c;
}

standing shown(const check_board& b, const std::string& name) {
    for (const auto& v : b.views())
        if (v.name == name) return v.state.now;
    return standing::unknown;
}

std::string reason(const check_board& b, const std::string& name) {
    for (const auto& v : b.views())
        if (v.name == name) return v.state.reason;
    return {};
}

}  // namespace

TEST_CASE("what is in doubt is probed again after a third of the interval, what is down at its old pace") {
    bench t;
    check_board& board = t.board("ct/101");
    board.apply({named("a")});
    t.says["a"] = verdict::healthy;
    t.time.run_for(30s);
    REQUIRE(board.standing(0) == standing::up);
    t.asked.clear();
    t.says["a"] = verdict::unhealthy;
    t.time.run_for(40s);
    CHECK(board.standing(0) == standing::down);
    const auto& at = t.asked["a"];
    REQUIRE(at.size() >= 4);
    CHECK(at[1] - at[0] == 3333);
    CHECK(at[2] - at[1] == 3333);
    CHECK(at[3] - at[2] == 10000);
}

TEST_CASE("while a gateway is not up the checks behind it are unknown, and do not count when it is back") {
    bench t;
    check_board& gateways = t.board("gateways");
    check_board& board = t.board("ct/101", &gateways);
    gateways.apply({named("gw")});
    board.apply({named("a", {"gw"}), named("b", {"a"}), named("c")});
    for (const char* name : {"gw", "a", "b", "c"}) t.says[name] = verdict::healthy;
    t.time.run_for(60s);
    REQUIRE(board.standing(0) == standing::up);

    t.says["gw"] = t.says["a"] = t.says["b"] = verdict::unhealthy;
    for (int second = 0; second < 120; ++second) {
        t.time.run_for(1s);
        CHECK(shown(board, "a") != standing::down);
        CHECK(shown(board, "b") != standing::down);
    }
    CHECK(shown(board, "a") == standing::unknown);
    CHECK(shown(board, "b") == standing::unknown);
    CHECK(shown(board, "c") == standing::up);
    CHECK(board.standing(0) == standing::unknown);
    CHECK(reason(board, "a").find("gw, which is not up") != std::string::npos);

    t.says["gw"] = t.says["a"] = t.says["b"] = verdict::healthy;
    for (int second = 0; second < 60; ++second) {
        t.time.run_for(1s);
        CHECK(board.standing(0) != standing::down);
    }
    CHECK(board.standing(0) == standing::up);

    // The service alone: its parents are well, and looked at for it.
    t.says["a"] = verdict::unhealthy;
    t.time.run_for(40s);
    CHECK(shown(board, "a") == standing::down);
    CHECK(board.standing(0) == standing::down);
    CHECK(board.standing(1) == standing::up);
}

TEST_CASE("a parent that is rarely looked at is looked at when its child fails") {
    bench t;
    check_board& gateways = t.board("gateways");
    check_board& board = t.board("ct/101", &gateways);
    config::check rare = named("gw");
    rare.interval = 10min;
    rare.rise = 1;
    gateways.apply({rare});
    board.apply({named("a", {"gw"})});
    for (const char* name : {"gw", "a"}) t.says[name] = verdict::healthy;
    t.time.run_for(11min);
    REQUIRE(board.standing(0) == standing::up);
    t.time.run_for(5min);
    t.says["a"] = verdict::unhealthy;
    t.time.run_for(30s);
    CHECK(board.standing(0) == standing::down);
}

TEST_CASE("bad answers that are excused say nothing, and say why; good ones count") {
    bench t;
    check_board& board = t.board("ct/101");
    std::string excuse;
    board.excuse = [&](const config::check&) { return excuse; };
    board.apply({named("a")});
    excuse = "PVE holds the lock \"backup\" on it";
    t.says["a"] = verdict::healthy;
    t.time.run_for(30s);
    CHECK(board.standing(0) == standing::up);
    t.says["a"] = verdict::unhealthy;
    t.time.run_for(60s);
    CHECK(board.standing(0) == standing::unknown);
    CHECK(reason(board, "a") == "as told (PVE holds the lock \"backup\" on it)");
    excuse.clear();
    t.time.run_for(60s);
    CHECK(board.standing(0) == standing::down);
}

TEST_CASE("nothing is down before it was looked for what would excuse it") {
    bench t;
    check_board& board = t.board("ct/101");
    time_point looked = t.zero;
    board.has_looked_since = [&](time_point then) { return looked > then; };
    board.apply({named("a")});
    t.says["a"] = verdict::unhealthy;
    t.time.run_for(60s);
    CHECK(board.standing(0) == standing::suspicious);
    CHECK(board.summary(0).now == standing::suspicious);
    looked = t.time.now();
    CHECK(board.standing(0) == standing::down);
}

TEST_CASE("a clock that wakes it late, now more, now less, makes no attempt more") {
    bench b;
    b.clock.late = 2ms;
    b.says["c"] = verdict::healthy;
    check_board& board = b.board("ct/101");
    board.apply({named("c")});
    b.time.run_for(10s * 50);
    CHECK(b.asked["c"].size() == 50);
}

TEST_CASE("asked to look it looks at once, and once") {
    bench t;
    check_board& board = t.board("ct/101");
    config::check slow = named("a");
    slow.interval = 5min;
    slow.rise = 1;
    board.apply({slow});
    t.says["a"] = verdict::healthy;
    t.time.run_for(5min);
    t.time.run_for(101s);
    t.asked.clear();
    const time_point then = t.time.now();
    CHECK_FALSE(board.look_again(then));
    for (int i = 0; i < 30; ++i) {
        t.time.run_for(1s);
        CHECK(board.look_again(then));
    }
    CHECK(t.asked["a"].size() == 1);
    t.time.run_for(5min);
    CHECK(t.asked["a"].size() == 2);
}

TEST_CASE("who is asked again and again has failed once, and keeps its turn") {
    bench t;
    check_board& board = t.board("ct/101");
    config::check c = named("a");
    c.interval = c.timeout = 60s;
    c.retry_interval = 20s;
    board.apply({c});
    t.says["a"] = verdict::healthy;
    t.time.run_for(3min);
    REQUIRE(board.standing(0) == standing::up);
    t.says["a"] = verdict::unhealthy;
    for (int i = 0; i < 10; ++i) {
        CHECK_FALSE(board.look_again(t.time.now()));
        t.time.run_for(1s);
    }
    CHECK(board.standing(0) == standing::suspicious);
    t.time.run_for(20s);
    CHECK(board.standing(0) == standing::suspicious);
    t.time.run_for(25s);
    CHECK(board.standing(0) == standing::down);
    t.asked.clear();
    t.time.run_for(10s);
    (void)board.look_again(t.time.now());
    t.time.run_for(3min);
    CHECK(t.asked["a"].size() == 4);
}

TEST_CASE("a check that was down and works again is not voted down") {
    bench t;
    check_board& board = t.board("ct/101");
    config::check c = named("a");
    c.rise = 3;
    board.apply({c});
    t.says["a"] = verdict::unhealthy;
    t.time.run_for(60s);
    CHECK(board.vote(0) == standing::down);
    t.says["a"] = verdict::healthy;
    t.time.run_for(10s);
    CHECK(board.standing(0) == standing::down);
    CHECK(board.vote(0) == standing::suspicious);
    t.time.run_for(20s);
    CHECK(board.vote(0) == standing::up);
}

TEST_CASE("a reload keeps what is known of a check that did not change, and stops one that is gone") {
    bench t;
    check_board& board = t.board("ct/101");
    board.apply({named("a"), named("b")});
    t.says["a"] = t.says["b"] = verdict::healthy;
    t.time.run_for(30s);
    board.apply({named("a")});
    CHECK(board.standing(0) == standing::up);
    CHECK(board.views().size() == 1);
    t.time.run_for(0s);
    board.sweep();
    t.asked.clear();
    t.time.run_for(30s);
    CHECK(t.asked["a"].size() == 3);
    CHECK(t.asked["b"].empty());
}
