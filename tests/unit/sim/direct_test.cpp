#include "base/sha1.hpp"
#include "pve/client.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "sim/direct_transport.hpp"
#include "sim/drive.hpp"
#include "sim/guest_prober.hpp"
#include "sim/model_store.hpp"
#include "small_cluster.hpp"

#include <catch2/catch.hpp>
#include <optional>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

/// A cluster in virtual time, driven, with the product's own client on top.
class world {
  public:
    world()
        : model(timed()),
          wire(model, time, failover_token()),
          client(wire, time, 20s),
          tasks(time.io().get_executor()) {
        tasks.spawn("drive", drive(time, model));
    }
    ~world() {
        tasks.cancel();
        time.run_for(0s);
    }
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    options timed() {
        options o = small_options();
        o.start = time.now();
        o.wall_start = time.wall_now();
        return o;
    }

    /// Runs one question to its end; how long it took is in `took`.
    template <class T>
    T wait(boost::asio::awaitable<T> work) {
        std::optional<T> answer;
        const time_point begun = time.now();
        tasks.spawn("question", keep(std::move(work), answer));
        REQUIRE(time.run_until([&] { return answer.has_value(); }, 1h));
        took = time.now() - begun;
        return std::move(*answer);
    }

    template <class T>
    static boost::asio::awaitable<void> keep(boost::asio::awaitable<T> work, std::optional<T>& into) {
        into.emplace(co_await std::move(work));
    }

    sim_time time;
    cluster model;
    direct_transport wire;
    pve::client client;
    task_group tasks;
    duration took{};
};

guard::request park_of(const cluster& model, guest_id guest, const char* node) {
    guard::request what;
    what.guest = guest;
    what.source = node_name(node);
    what.generation = 2;
    what.digest = sha1_hex(*model.files().read(what.source, guest));
    return what;
}

}  // namespace

TEST_CASE("the typed client understands the model") {
    world w;
    const auto view = w.wait(w.client.look());
    REQUIRE(view);
    CHECK(view->is_quorate == true);
    CHECK(view->nodes.size() == 3);
    CHECK(view->find(ct101)->status == model::run_state::running);
    CHECK(view->find(vm103)->node == node_name("n3"));
    const auto status = w.wait(w.client.guest_status(node_name("n2"), ct102));
    REQUIRE(status);
    CHECK(status->status == model::run_state::running);
    CHECK(!status->ha_managed);
    const auto config = w.wait(w.client.guest_config(node_name("n1"), ct101));
    REQUIRE(config);
    CHECK(config->digest == sha1_hex(*w.model.files().read(node_name("n1"), ct101)));
    const auto backups = w.wait(w.client.backups(node_name("n2"), storage_id("backup"), ct101));
    REQUIRE(backups);
    REQUIRE(backups->size() == 1);
    CHECK(backups->front().created == w.time.wall_now() - 1h);
    const auto archived = w.wait(w.client.archived_config(node_name("n2"), backups->front().volume));
    REQUIRE(archived);
    CHECK(archived->get("hostname") == "ct101");
    const auto privileges = w.wait(w.client.privileges("/vms/101"));
    REQUIRE(privileges);
    CHECK(privileges->count("VM.Allocate") == 1);
}

TEST_CASE("all that a token may do, read at once, is what PVE says of each path") {
    world w;
    const auto all = w.wait(w.client.all_privileges());
    REQUIRE(all);
    for (const char* path : {"/", "/vms", "/vms/101", "/vms/999", "/storage/local", "/storage/backup", "/nodes/n2",
                             "/sdn/zones/localnetwork/vmbr0", "/pool/none", "/access"}) {
        INFO(path);
        const auto one = w.wait(w.client.privileges(path));
        REQUIRE(one);
        CHECK(all->on(path) == *one);
    }
}

TEST_CASE("a privilege that is not handed down counts on its own path only") {
    pve::held_rights rights;
    rights.listed["/"] = {{"Sys.Audit", true}, {"Sys.Modify", false}};
    rights.listed["/vms/101"] = {{"VM.Audit", false}};
    rights.listed["/storage"] = {};
    CHECK(rights.on("/") == std::set<std::string>{"Sys.Audit", "Sys.Modify"});
    CHECK(rights.on("/vms") == std::set<std::string>{"Sys.Audit"});
    CHECK(rights.on("/vms/101") == std::set<std::string>{"VM.Audit"});
    CHECK(rights.on("/vms/1011") == std::set<std::string>{"Sys.Audit"});
    CHECK(rights.on("/storage/local").empty());
    CHECK(pve::held_rights().on("/vms/101").empty());
}

TEST_CASE("a task ends in virtual time without anybody looking") {
    world w;
    const auto stop = w.wait(w.client.stop(node_name("n1"), ct101));
    REQUIRE(stop);
    w.time.run_for(6s);
    CHECK(!w.model.is_running(node_name("n1"), ct101));
    const auto state = w.wait(w.client.task_status(*stop));
    REQUIRE(state);
    CHECK(!state->running);
    CHECK(state->exit_text == "OK");
}

TEST_CASE("what the direct transport reports about a broken API") {
    struct row {
        const char* fault;
        std::optional<errc> error;
        int status;
    };
    const row rows[] = {
        {"api n1 503", std::nullopt, 503},
        {"api any hang", errc::outcome_unknown, 0},
        {"api any drop-reply", errc::outcome_unknown, 0},
        {"api any garbage", std::nullopt, 200},
        {"token revoke", std::nullopt, 401},
        {"power n1 off", std::nullopt, 200},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.fault) {
            world w;
            REQUIRE(apply_fault(w.model, r.fault));
            const pve::request version(pve::verb::get, "/version");
            const auto answer = w.wait(w.wire.send(version, w.time.now() + 20s));
            CHECK(answer.has_value() == !r.error.has_value());
            if (answer) CHECK(answer->status == r.status);
            if (!answer) CHECK(answer.error().code == r.error);
        }
    }
    SECTION("nobody there at all") {
        world w;
        for (const char* f : {"power n1 off", "power n2 off", "power n3 off"}) REQUIRE(apply_fault(w.model, f));
        const pve::request version(pve::verb::get, "/version");
        CHECK(w.wait(w.wire.send(version, w.time.now() + 20s)).error().code == errc::not_delivered);
    }
    SECTION("an injected code wears off") {
        world w;
        REQUIRE(apply_fault(w.model, "api any 595 60"));
        const pve::request version(pve::verb::get, "/version");
        CHECK(w.wait(w.wire.send(version, w.time.now() + 20s))->status == 595);
        w.time.run_for(60s);
        CHECK(w.wait(w.wire.send(version, w.time.now() + 20s))->status == 200);
    }
}

TEST_CASE("a dropped reply does not undo what was asked") {
    world w;
    REQUIRE(apply_fault(w.model, "api any drop-reply"));
    CHECK(w.wait(w.client.stop(node_name("n1"), ct101)).error().code == errc::outcome_unknown);
    w.time.run_for(6s);
    CHECK(!w.model.is_running(node_name("n1"), ct101));
    CHECK(w.model.calls().writes.size() == 1);
}

TEST_CASE("probes see the service, not the run state") {
    struct row {
        const char* name;
        const char* fault;
        verdict answer;
        duration took;
    };
    const row rows[] = {
        {"healthy", "quorum on", verdict::healthy, 3ms},
        {"crashed", "guest ct101 crash", verdict::unhealthy, 3ms},
        {"refusing", "guest ct101 refuse", verdict::unhealthy, 3ms},
        {"hanging", "guest ct101 suspend", verdict::unhealthy, 3s},
        {"stopped", "guest ct101 stop", verdict::unhealthy, 3ms},
        {"its network is off", "svc n1 off", verdict::unhealthy, 3s},
        {"its node is off", "power n1 off", verdict::unhealthy, 3s},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            world w;
            REQUIRE(apply_fault(w.model, r.fault));
            guest_prober probe(w.model, w.time, ct101);
            const probe_result seen = w.wait(probe.run());
            CHECK(seen.answer == r.answer);
            CHECK(seen.took == r.took);
        }
    }
}

TEST_CASE("the store outlives the service that wrote to it") {
    world w;
    {
        model_store store(w.model, w.time, node_name("n1"));
        REQUIRE(w.wait(store.save_record("guest.101", "first")));
        REQUIRE(w.wait(store.save_record("guest.101", "second")));
        CHECK(w.wait(store.claim("101.2")).value());
    }
    model_store store(w.model, w.time, node_name("n2"));
    const auto records = w.wait(store.load_records());
    REQUIRE(records);
    REQUIRE(records->size() == 1);
    CHECK(records->front().name == "guest.101");
    CHECK(records->front().text == "second");
    CHECK(!w.wait(store.claim("101.2")).value());
    CHECK(w.wait(store.save_record("guest.101", std::string(5000, 'x'))).error().code == errc::invalid);

    REQUIRE(apply_fault(w.model, "quorum off"));
    CHECK(w.wait(store.save_record("guest.101", "third")).error().code == errc::no_quorum);
    CHECK(w.wait(store.claim("101.3")).error().code == errc::no_quorum);
    CHECK(w.wait(store.load_records())->front().text == "second");
}

TEST_CASE("the store hands configurations over, unless the guard is away") {
    world w;
    model_store store(w.model, w.time, node_name("n2"));
    const guard::request what = park_of(w.model, ct102, "n2");
    store.guard_answers = false;
    CHECK(w.wait(store.check_parking()).error().code == errc::unavailable);
    CHECK(w.wait(store.park(what)).error().code == errc::unavailable);
    store.guard_answers = true;
    CHECK(w.wait(store.check_parking()));
    CHECK(w.wait(store.park(what)).value() == "priv/steward/parked/102.n2.g2.conf");
    CHECK(!w.model.files().find(vmid(102)));
    REQUIRE(w.wait(store.unpark(what)));
    guard::request move = what;
    move.target = node_name("n3");
    REQUIRE(w.wait(store.relocate(move)));
    CHECK(w.wait(store.relocate(move)));
    CHECK(w.model.files().find(vmid(102))->node == node_name("n3"));
}
