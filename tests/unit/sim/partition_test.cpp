#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

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

/// Asked of a given node; the time it waited is added to the delay.
api::reply ask_at(cluster& model, const node_name& node, const std::string& line, api::parameters params = {}) {
    const std::size_t blank = line.find(' ');
    api::request what(node, line.substr(0, blank), line.substr(blank + 1));
    what.params = std::move(params);
    what.who.authorization = root_token;
    api::reply answer = api::handle(model, what);
    const time_point began = *what.arrived;
    while (answer.what_happens == api::reply::fate::again) {
        pass(model, answer.delay);
        answer = api::handle(model, what);
    }
    answer.delay += model.now() - began;
    return answer;
}

std::string status_of(cluster& model, const node_name& seen_from, const std::string& id) {
    const auto all = data_of(ask_at(model, seen_from, "GET /cluster/resources"));
    for (const auto& row : all.as_array())
        if (row.at("id").as_string() == id.c_str()) return std::string(row.at("status").as_string());
    return "missing";
}

}  // namespace

TEST_CASE("corosync's groups have no holes, and everybody finds the same ones") {
    struct row {
        const char* name;
        std::size_t nodes;
        std::vector<std::pair<std::size_t, std::size_t>> cuts;  // one direction each
        node_set up;
        std::vector<node_set> groups;  // of node 0, 1, …
    };
    const row rows[] = {
        {"all hear all", 3, {}, 0b111, {0b111, 0b111, 0b111}},
        {"one is off", 3, {}, 0b101, {0b101, 0, 0b101}},
        {"one direction is enough to part two", 2, {{0, 1}}, 0b11, {0b01, 0b10}},
        {"a half stays with the lowest of the larger group", 3, {{2, 0}, {2, 1}}, 0b111, {0b011, 0b011, 0b100}},
        {"a bridge belongs to one side only", 3, {{0, 2}, {2, 0}}, 0b111, {0b011, 0b011, 0b100}},
        {"a ring of four breaks into pairs", 4, {{0, 2}, {1, 3}}, 0b1111, {0b0011, 0b0011, 0b1100, 0b1100}},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            network net(r.nodes);
            for (const auto& [from, to] : r.cuts) net.set_link(from, to, false);
            for (std::size_t node = 0; node < r.nodes; ++node) CHECK(net.group_of(node, r.up) == r.groups[node]);
            net.mend_all();
            CHECK(net.group_of(0, only(0) | only(1)) == 0b11);
        }
    }
}

TEST_CASE("a partition blocks writes for eight seconds and then refuses them on the small side") {
    cluster model(small_options());
    inject(model, "part n3|n1,n2");
    CHECK(model.is_quorate(n3));  // nobody has noticed yet
    CHECK(model.is_blocked(n3));
    CHECK(model.is_blocked(n1));
    SECTION("a write on the large side goes through when the membership has changed") {
        const auto done = ask_at(model, n1, "PUT /nodes/n1/lxc/110/config", {{"memory", "64"}});
        CHECK(done.status == 200);
        CHECK(done.delay >= 8s);
        CHECK(done.delay < 9s);
    }
    SECTION("a write on the small side is refused") {
        const auto refused = ask_at(model, n3, "PUT /nodes/n3/qemu/103/config", {{"cores", "1"}});
        CHECK(refused.status == 500);
        CHECK(refused.reason.find("Permission denied") != std::string::npos);
        CHECK(refused.delay >= 8s);
        CHECK_FALSE(model.is_quorate(n3));
    }
    SECTION("each side sees its own cluster, and the small one an old /etc/pve") {
        pass(model, 9s);
        CHECK(ask_at(model, n1, "PUT /nodes/n1/lxc/110/config", {{"memory", "64"}}).status == 200);
        CHECK(data_of(ask_at(model, n1, "GET /cluster/status")).at(0).at("quorate") == 1);
        const auto small_side = data_of(ask_at(model, n3, "GET /cluster/status")).as_array();
        CHECK(small_side.at(0).at("quorate") == 0);
        CHECK(small_side.at(1).at("online") == 0);
        CHECK(small_side.at(3).at("online") == 1);
        CHECK(model.files(n3).find(n1, guest_id(guest_type::ct, vmid(110)))->parsed.get("memory") == "512");
        CHECK(model.files(n1).find(n1, guest_id(guest_type::ct, vmid(110)))->parsed.get("memory") == "64");
        CHECK(ask_at(model, n3, "GET /nodes/n1/status").status == 595);
        inject(model, "heal");
        pass(model, 2400ms);
        CHECK_FALSE(model.is_quorate(n3));
        pass(model, 200ms);
        CHECK(model.is_quorate(n3));
        CHECK(model.files(n3).find(n1, guest_id(guest_type::ct, vmid(110)))->parsed.get("memory") == "64");
    }
    SECTION("a short interruption changes nothing") {
        pass(model, 3s);
        inject(model, "heal");
        CHECK_FALSE(model.is_blocked(n1));
        pass(model, 20s);
        CHECK(model.is_quorate(n3));
    }
}

TEST_CASE("every shape of a partition") {
    struct row {
        const char* command;
        std::vector<bool> quorate;  // n1, n2, n3
    };
    const row rows[] = {
        {"part n1|n2,n3", {false, true, true}},
        {"part n1|n2|n3", {false, false, false}},
        {"part n1>n3", {true, true, false}},
        {"part n1|n3 bridge n2", {true, true, false}},
        {"part n1,n2|n3 bridge n2", {true, true, false}},
        {"net n2 off", {true, false, true}},
        {"cnet n2 off", {true, false, true}},
        {"power n2 off", {true, false, true}},
        {"pause n2 60s", {true, true, true}},  // it still believes so; nobody can ask it
        {"service n2 pmxcfs stop", {true, false, true}},
        {"quorum off", {false, false, false}},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.command) {
            cluster model(small_options());
            inject(model, r.command);
            pass(model, 10s);
            for (std::size_t i = 0; i < 3; ++i) CHECK(model.is_quorate(model.nodes()[i].name) == r.quorate[i]);
        }
    }
    SECTION("a quorum device decides between two halves") {
        options o = make_options(4, {});
        o.has_qdevice = true;
        cluster model(o);
        inject(model, "part n1,n2|n3,n4");
        pass(model, 10s);
        CHECK(model.is_quorate(n1));
        CHECK_FALSE(model.is_quorate(n3));
        inject(model, "qdevice off");
        CHECK_FALSE(model.is_quorate(n1));
    }
}

TEST_CASE("what the cluster says of a dead node grows old in steps") {
    cluster model(small_options());
    pass(model, 20s);
    inject(model, "power n2 off");
    CHECK(status_of(model, n1, "node/n2") == "online");
    pass(model, 9s);
    CHECK(status_of(model, n1, "node/n2") == "offline");
    CHECK(status_of(model, n1, "lxc/102") == "running");  // for five minutes
    pass(model, 280s);
    CHECK(status_of(model, n1, "lxc/102") == "running");
    pass(model, 20s);
    CHECK(status_of(model, n1, "lxc/102") == "unknown");
    CHECK(ask_at(model, n1, "GET /nodes/n2/lxc/102/status/current").status == 595);
    inject(model, "power n2 on");
    pass(model, 3s);
    CHECK(status_of(model, n1, "node/n2") == "unknown");  // a member again, but its pvestatd has not spoken
    pass(model, 12s);
    CHECK(status_of(model, n1, "node/n2") == "online");
    CHECK(status_of(model, n1, "lxc/102") == "running");  // started at boot
}

TEST_CASE("what was said of a vmid follows its configuration until the new node speaks") {
    cluster model(small_options());
    pass(model, 20s);
    REQUIRE(model.files().rename("nodes/n2/lxc/102.conf", "nodes/n1/lxc/102.conf"));
    const auto all = data_of(ask(model, "GET /cluster/resources"));
    for (const auto& row : all.as_array())
        if (row.at("id") == "lxc/102") {
            CHECK(row.at("node") == "n1");
            CHECK(row.at("status") == "running");  // of n2
        }
    pass(model, 11s);
    CHECK(status_of(model, n1, "lxc/102") == "stopped");
}

TEST_CASE("a node that stands still keeps its guests and loses its time") {
    cluster model(small_options());
    const std::string upid = text_of(ask_at(model, n2, "POST /nodes/n2/lxc/102/status/shutdown"));
    pass(model, 1s);
    inject(model, "pause n2 60s");
    pass(model, 30s);
    CHECK(exit_of(model, upid).empty());  // its worker stands still as well
    CHECK(model.is_running(n2, ct102));
    CHECK(ask_at(model, n1, "GET /nodes/n2/status").status == 595);
    CHECK(status_of(model, n1, "node/n2") == "offline");
    pass(model, 31s);
    CHECK(exit_of(model, upid).empty());
    pass(model, 4s);
    CHECK(exit_of(model, upid) == "OK");
    CHECK(model.is_quorate(n2));
}

TEST_CASE("only a node that boots starts guests, and only with quorum") {
    options o = small_options();
    o.guests[1].running = false;  // ct102@n2, onboot
    cluster model(o);
    inject(model, "net n2 off");
    pass(model, 20s);
    inject(model, "net n2 on");
    pass(model, 30s);
    CHECK_FALSE(model.is_running(n2, ct102));
    inject(model, "power n2 off");
    pass(model, 20s);
    inject(model, "power n1 off");
    pass(model, 20s);
    inject(model, "power n2 on");
    inject(model, "part n2|n3");
    pass(model, 60s);
    CHECK_FALSE(model.is_running(n2, ct102));  // booted, and waits
    inject(model, "heal");
    pass(model, 10s);
    CHECK(model.is_running(n2, ct102));
}

TEST_CASE("lock directories live 120 seconds in the eyes of the lowest node") {
    cluster model(small_options());
    REQUIRE(model.acquire_lock(n2, "y1"));
    CHECK(model.acquire_lock(n3, "y1").error().code == errc::exists);
    CHECK(model.refresh_lock(n3, "y1").error().code == errc::forbidden);
    CHECK(model.release_lock(n3, "y1").error().code == errc::forbidden);
    pass(model, 100s);
    REQUIRE(model.refresh_lock(n2, "y1"));
    SECTION("taken over when its holder falls silent, and not a second before") {
        inject(model, "power n2 off");
        for (int waited = 0; waited < 120; ++waited) {
            const auto gone = model.request_unlock(n3, "y1");
            REQUIRE(gone);
            REQUIRE_FALSE(*gone);
            pass(model, 1s);
        }
        CHECK(*model.request_unlock(n3, "y1"));
        CHECK(model.acquire_lock(n3, "y1"));
    }
    SECTION("a judge that joined later counts from when it saw the lock") {
        inject(model, "power n1 off");
        pass(model, 100s);
        inject(model, "power n1 on");
        pass(model, 30s);  // 130 s old, but n1 has known it for 27 s only
        CHECK_FALSE(*model.request_unlock(n3, "y1"));
        pass(model, 100s);
        CHECK(*model.request_unlock(n3, "y1"));
    }
    SECTION("without quorum nothing can be taken, kept or given back") {
        inject(model, "part n2|n1,n3");
        pass(model, 9s);
        CHECK(model.refresh_lock(n2, "y1").error().code == errc::no_quorum);
        CHECK(model.acquire_lock(n2, "z").error().code == errc::no_quorum);
        CHECK(model.release_lock(n2, "y1").error().code == errc::no_quorum);
        CHECK(model.request_unlock(n2, "y1").error().code == errc::no_quorum);
    }
    SECTION("nobody asks, nothing happens") {
        pass(model, 1000s);
        CHECK(model.is_cluster_lock_held("y1"));
    }
}

TEST_CASE("watchdog-mux resets a node seventy seconds after its client fell silent") {
    const time_point start{};
    struct row {
        const char* name;
        std::vector<std::pair<int, char>> script;  // second, and c(onnect) f(eed) v (clean close) x (unclean close)
        int resets_at;                             // -1: never
    };
    const row rows[] = {
        {"silence", {{0, 'c'}}, 70},
        {"fed once", {{0, 'c'}, {30, 'f'}}, 100},
        {"closed cleanly", {{0, 'c'}, {30, 'v'}}, -1},
        {"closed without the letter", {{0, 'c'}, {30, 'x'}}, 40},
        {"food that comes too late", {{0, 'c'}, {61, 'f'}}, 70},
        {"a clean close that comes too late", {{0, 'c'}, {61, 'v'}}, 70},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            watchdog_mux mux;
            watchdog_mux::client client = 0;
            for (const auto& [second, what] : r.script) {
                const time_point now = start + std::chrono::seconds(second);
                if (what == 'c') client = *mux.connect(now);
                if (what == 'f') mux.feed(client, now);
                if (what == 'v' || what == 'x') mux.close(client, what == 'v', now);
            }
            const auto when = mux.resets_at();
            CHECK(when.has_value() == (r.resets_at >= 0));
            if (when) CHECK(*when == start + std::chrono::seconds(r.resets_at));
        }
    }
    SECTION("a hundred clients and no more") {
        watchdog_mux mux;
        for (int i = 0; i < 100; ++i) CHECK(mux.connect(start));
        CHECK_FALSE(mux.connect(start));
    }
    SECTION("the reset takes the node's guests with it") {
        cluster model(small_options());
        inject(model, "wd n2 fire");
        pass(model, 9s);
        CHECK(model.is_running(n2, ct102));
        pass(model, 2s);
        CHECK_FALSE(model.is_running(n2, ct102));
        CHECK_FALSE(model.find_node(n2)->powered);
        CHECK(model.resets(n2) == 1);
    }
    SECTION("and brings it back when the cluster is one whose nodes boot") {
        options o = small_options();
        o.boots_after_reset = true;
        cluster model(o);
        inject(model, "reset n2");
        pass(model, 60s);
        CHECK(model.is_running(n2, ct102));
    }
}

TEST_CASE("each node has a clock of its own") {
    cluster model(small_options());
    inject(model, "clock n2 step 20m");
    CHECK(model.wall_now(n2) - model.wall_now(n1) == 20min);
    inject(model, "clock n2 step -30m");
    CHECK(model.wall_now(n2) - model.wall_now(n1) == -10min);
    inject(model, "clock n3 drift 1000ppm");
    pass(model, 1000s);
    CHECK(model.wall_now(n3) - model.wall_now(n1) == 1s);
    const auto upid = parse_upid(text_of(ask(model, "POST /nodes/n2/lxc/102/status/stop")));
    REQUIRE(upid);
    CHECK(upid->started == model.wall_now(n2));
    inject(model, "clock n2 ok");
    CHECK(model.wall_now(n2) == model.wall_now(n1));
}

TEST_CASE("daemons of a node that are out of order") {
    cluster model(small_options());
    SECTION("a frozen pveproxy answers 596 through others, and does it all the same when it goes on") {
        inject(model, "service n2 pveproxy freeze");
        const auto lost = ask(model, "POST /nodes/n2/lxc/102/status/stop");
        CHECK(lost.status == 596);
        CHECK(lost.delay == 30s);
        pass(model, 60s);
        CHECK(model.is_running(n2, ct102));
        inject(model, "service n2 pveproxy start");
        pass(model, 10s);
        CHECK_FALSE(model.is_running(n2, ct102));
    }
    SECTION("one that is down refuses at once, and nothing happens later") {
        inject(model, "service n2 pveproxy stop");
        const auto refused = ask(model, "POST /nodes/n2/lxc/102/status/stop");
        CHECK(refused.status == 595);
        CHECK(refused.reason == "Connection refused");
        inject(model, "service n2 pveproxy start");
        pass(model, 10s);
        CHECK(model.is_running(n2, ct102));
    }
    SECTION("without pvedaemon only what needs root is missing") {
        inject(model, "service n1 pvedaemon stop");
        CHECK(ask(model, "GET /cluster/resources").status == 200);
        CHECK(ask(model, "GET /cluster/status").status == 595);
        CHECK(ask(model, "GET /nodes/n2/lxc/102/config").status == 200);
    }
    SECTION("without pmxcfs nobody can be recognised") {
        inject(model, "service n1 pmxcfs stop");
        const auto lost = ask(model, "GET /version");
        CHECK(lost.status == 500);
        CHECK(lost.delay == 10s);
        CHECK(lost.body.empty());
    }
}

TEST_CASE("what the API of a node can be made to do") {
    struct row {
        const char* command;
        api::reply::fate fate;
        int status;
        const char* body;  // a part of it
        bool executed;     // of POST …/stop
    };
    using fate = api::reply::fate;
    const row rows[] = {
        {"api n1 503", fate::answer, 503, "", false},           {"api n1 596", fate::answer, 596, "", false},
        {"api n1 latency 2s", fate::answer, 200, "UPID", true}, {"api n1 hang", fate::hang, 200, "", false},
        {"api n1 drop-request", fate::drop, 200, "", false},    {"api n1 drop-reply", fate::drop, 200, "UPID", true},
        {"api n1 stall", fate::stall, 200, "UPID", true},       {"api n1 truncate", fate::truncate, 200, "UPID", true},
        {"api n1 huge 8", fate::flood, 200, "UPID", true},      {"api n1 garbage", fate::answer, 200, "}{", true},
        {"api n1 garbage 1", fate::answer, 200, "UPID", true},  // a second later it is over
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.command) {
            cluster model(small_options());
            inject(model, r.command);
            pass(model, 1s);
            const auto answer = ask(model, "POST /nodes/n1/lxc/101/status/stop");
            CHECK(answer.what_happens == r.fate);
            CHECK(answer.status == r.status);
            CHECK(answer.body.find(r.body) != std::string::npos);
            pass(model, 10s);
            CHECK(model.is_running(n1, ct101) != r.executed);
            inject(model, "api any ok");
            CHECK(ask(model, "GET /version").status == 200);
        }
    }
    SECTION("a node that lies about one guest, everywhere it is told") {
        cluster model(small_options());
        pass(model, 11s);
        inject(model, "api n1 status-lie ct102 stopped");
        CHECK(status_of(model, n1, "lxc/102") == "stopped");
        CHECK(status_of(model, n1, "lxc/101") == "running");
        CHECK(status_of(model, n2, "lxc/102") == "running");
        CHECK(data_of(ask(model, "GET /nodes/n2/lxc/102/status/current")).at("status") == "stopped");
    }
}

TEST_CASE("fault commands that make no sense are refused with a sentence") {
    cluster model(small_options());
    for (const char* command : {"part",
                                "part n1",
                                "part n1|n9",
                                "part n1>n9",
                                "part ring now",
                                "part n1|n2 bridge n7",
                                "heal n1",
                                "pause n1",
                                "pause n9 3s",
                                "pause n1 soon",
                                "clock n1 step",
                                "clock n1 step x",
                                "clock n1 drift x",
                                "clock n9 ok",
                                "service n1 pveproxy explode",
                                "service n1 cron stop",
                                "service n9 pmxcfs stop",
                                "quorum maybe",
                                "wd n1",
                                "wd n9 fire",
                                "api n1",
                                "api n9 hang",
                                "api n1 huge",
                                "api n1 huge 9999",
                                "api n1 latency",
                                "api n1 nonsense",
                                "api n1 status-lie ct101",
                                "api n1 status-lie ct101 asleep",
                                "api n1 hang -3",
                                "api n1 hang 1 2",
                                "reset n9",
                                "power n1",
                                "power n9 off",
                                "net n1 perhaps"}) {
        const auto done = apply_fault(model, command);
        INFO(command);
        REQUIRE_FALSE(done);
        CHECK(done.error().code == errc::invalid);
        CHECK(done.error().detail.size() > 3);
    }
}

TEST_CASE("a worker that is killed says nothing and cleans nothing up") {
    cluster model(small_options());
    const std::string upid = text_of(ask(model, "POST /nodes/n1/vzdump", {{"vmid", "101"}, {"storage", "backup"}}));
    pass(model, 2s);
    inject(model, "worker ct101 kill");
    CHECK(exit_of(model, upid) == "unexpected status");
    CHECK(model.config(n1, ct101)->get("lock") == "backup");
    CHECK_FALSE(apply_fault(model, "worker ct101 kill"));  // none left
    pass(model, 100s);
    CHECK(exit_of(model, upid) == "unexpected status");
}

TEST_CASE("workers on a node whose task logs are silent say only their last line") {
    cluster model(small_options());
    inject(model, "tasklog n1 silent");
    const std::string upid = text_of(ask(model, "POST /nodes/n1/vzdump", {{"vmid", "101"}, {"storage", "backup"}}));
    pass(model, 10s);
    CHECK(data_of(ask(model, "GET /nodes/n1/tasks/" + upid + "/log")).at(0).at("t") == "no content");
    pass(model, 60s);
    CHECK(model.tasks().at(upid).log == std::vector<std::string>{"TASK OK"});
}
