#include "sim/model/state.hpp"

#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

const node_name n1("n1"), n2("n2"), n3("n3");

void inject(cluster& model, const std::string& command) {
    const auto done = apply_fault(model, command);
    if (!done) FAIL(done.error().text());
}

/// As `steward simulate serve --state` does it, at another time.
std::unique_ptr<cluster> begin_again(const std::string& text) {
    auto o = options_of_state(text);
    REQUIRE(o);
    o->start = time_point(12345s);
    o->wall_start = wall_time(std::chrono::seconds(1795210000));
    auto model = std::make_unique<cluster>(std::move(*o));
    const auto loaded = load_state(*model, text);
    if (!loaded) FAIL(loaded.error().text());
    return model;
}

std::string without_calendar(std::string text) {
    const std::size_t at = text.find("\"calendar\"");
    return text.erase(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("a saved cluster begins again where it ended") {
    options o = small_options();
    o.version = pve::schema::version(9, 1);
    cluster model(o);
    inject(model, "guest ct102 refuse");
    inject(model, "lock ct110 backup");
    inject(model, "restore ct101 fail 50% x1");
    inject(model, "part n1>n3");
    inject(model, "clock n2 step 90s");
    inject(model, "service n2 pvedaemon stop");
    inject(model, "storage backup@n3 offline");
    REQUIRE(model.acquire_lock(n1, "domain-test"));
    pass(model, 400s);
    inject(model, "power n2 off");
    pass(model, 20s);

    const std::string text = save_state(model);
    const auto again = begin_again(text);
    CHECK(without_calendar(save_state(*again)) == without_calendar(text));
    CHECK(again->version() == pve::schema::version(9, 1));
    CHECK(again->is_running(n1, ct101));
    CHECK_FALSE(again->is_running(n2, ct102));
    CHECK(again->config(n1, guest_id(guest_type::ct, vmid(110)))->get("lock") == "backup");
    CHECK(again->is_cluster_lock_held("domain-test"));
    CHECK(again->has_volume(volid("local-lvm:vm-102-disk-0"), n2));
    CHECK_FALSE(archive_of(*again, ct101).empty());
    CHECK_FALSE(again->is_active(storage_id("backup"), n3));
    CHECK_FALSE(again->find_node(n2)->powered);
    CHECK(again->is_quorate(n1) == model.is_quorate(n1));
    CHECK(again->is_quorate(n3) == model.is_quorate(n3));
    CHECK(ask(*again, "GET /nodes/n1/lxc/101/status/current", {}, product_token).status == 200);
    CHECK(data_of(ask(*again, "GET /nodes/n1/lxc/101/status/current", {}, product_token)).at("uptime") == 420);
}

TEST_CASE("workers die with the simulator and leave what they leave") {
    cluster model(small_options());
    const std::string upid = text_of(ask(model, "POST /nodes/n1/vzdump", {{"vmid", "101"}, {"storage", "backup"}}));
    pass(model, 5s);
    REQUIRE(exit_of(model, upid).empty());
    const auto again = begin_again(save_state(model));
    CHECK(exit_of(*again, upid) == "unexpected status");
    CHECK(again->config(n1, ct101)->get("lock") == "backup");
    CHECK(ask(*again, "GET /nodes/n1/tasks/" + upid + "/status", {}, product_token).status == 200);
}

TEST_CASE("the same seed and the same calls give the same cluster") {
    const auto run = [] {
        cluster model(small_options());
        for (const char* line : {"POST /nodes/n1/lxc/110/status/start", "POST /nodes/n2/lxc/102/status/stop",
                                 "POST /nodes/n3/qemu/103/status/shutdown"}) {
            (void)ask(model, line);
            pass(model, 3s);
        }
        pass(model, 100s);
        return save_state(model);
    };
    const std::string once = run();
    CHECK(run() == once);
    CHECK(std::count(once.begin(), once.end(), '\n') > 40);  // for people: a line for each thing
}

TEST_CASE("a file that is none is refused with a reason") {
    cluster model(small_options());
    const std::string good = save_state(model);
    struct row {
        const char* name;
        std::string text;
        const char* reason;
    };
    const auto replaced = [&](const std::string& what, const std::string& by) {
        std::string text = good;
        const std::size_t at = text.find(what);
        REQUIRE(at != std::string::npos);
        return text.replace(at, what.size(), by);
    };
    const row rows[] = {
        {"empty", "", "not JSON"},
        {"cut off", good.substr(0, good.size() / 2), "not JSON"},
        {"another kind of file", "{\"a\":1}", "steward-sim"},
        {"a later version", replaced("\"steward-sim\": 1", "\"steward-sim\": 2"), "steward-sim"},
        {"a list", "[1]", "not a saved cluster"},
        {"a node without a name", replaced("{\"name\":\"n1\"", "{\"nom\":\"n1\""), ""},
        {"an unknown release", replaced("\"8.4\"", "\"eight\""), ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const auto o = options_of_state(r.text);
            REQUIRE_FALSE(o);
            CHECK(o.error().code == errc::invalid);
            CHECK(o.error().text().find(r.reason) != std::string::npos);
        }
    }
    SECTION("what only shows when it is filled in") {
        for (const auto& [what, by] :
             {std::pair<std::string, std::string>("\"service\":\"healthy\"", "\"service\":\"ill\""),
              {"\"guest\":\"ct/101\"", "\"guest\":\"ct/0\""},
              {"\"pveproxy\":\"up\"", "\"pveproxy\":\"down\""}}) {
            const std::string text = replaced(what, by);
            auto o = options_of_state(text);
            REQUIRE(o);
            cluster half(std::move(*o));
            const auto loaded = load_state(half, text);
            REQUIRE_FALSE(loaded);
            CHECK(loaded.error().code == errc::invalid);
        }
    }
}
