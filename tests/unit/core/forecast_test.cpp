#include "core/failover/forecast.hpp"

#include "support/good_facts.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t gib = 1ULL << 30U;

measured_restore restore(int id, const char* target, std::uint64_t bytes, duration took) {
    measured_restore r;
    r.guest = guest_id(guest_type::ct, vmid(static_cast<std::uint32_t>(id)));
    r.target = node_name(target);
    r.bytes = bytes;
    r.took = took;
    return r;
}

/// As the survey lays them before it.
facts when_its_node_dies() {
    facts f = good_facts();
    f.view->nodes[node_name("n1")].online = false;
    f.status.reset();
    f.source = assumed_dead(node_name("n1"));
    return f;
}

forecast waiting(std::optional<strategy> how, std::optional<duration> takes) {
    forecast f;
    f.how = how;
    f.restore = takes;
    return f;
}

}  // namespace

TEST_CASE("a restore is expected to be as fast as this guest's were, else as those on its target, else as any") {
    struct row {
        const char* what;
        std::vector<measured_restore> seen;
        std::optional<duration> wanted;
    };
    const row rows[] = {
        {"none was ever seen", {}, std::nullopt},
        {"its own", {restore(101, "n3", gib, 60s), restore(102, "n2", gib, 10s)}, 120s},
        {"those on its target", {restore(102, "n3", gib, 10s), restore(102, "n2", gib, 30s)}, 60s},
        {"any", {restore(102, "n3", gib, 10s)}, 20s},
        {"the median of several",
         {restore(101, "n2", gib, 10s), restore(101, "n2", gib, 300s), restore(101, "n2", gib, 40s)},
         80s},
        {"one without a size says nothing", {restore(101, "n2", 0, 60s), restore(102, "n3", gib, 10s)}, 20s},
        {"one without a length says nothing", {restore(101, "n2", gib, 0s)}, std::nullopt},
    };
    for (const row& r : rows) {
        INFO(r.what);
        restore_speed speed;
        for (const measured_restore& m : r.seen) speed.add(m);
        CHECK(speed.is_known() == !r.seen.empty());
        CHECK(speed.takes(ct101, node_name("n2"), 2 * gib) == r.wanted);
    }
}

TEST_CASE("old restores do not speak against what is usual now") {
    restore_speed speed;
    for (int i = 0; i < 9; ++i) speed.add(restore(101, "n2", gib, 10s));
    for (int i = 0; i < 40; ++i) speed.add(restore(101, "n2", gib, 1000s));
    CHECK(speed.takes(ct101, node_name("n2"), gib) == duration(10s));
}

TEST_CASE("a forecast says where a guest comes back, from what, and how much is lost") {
    facts f = when_its_node_dies();
    restore_speed speed;
    speed.add(restore(101, "n2", 1000, 90s));
    const forecast restored = foretell(f, {}, speed);
    REQUIRE(restored.how == strategy::restore);
    CHECK(restored.node == node_name("n1"));
    CHECK(restored.target == node_name("n2"));
    CHECK(restored.archive->str() == "backup:backup/new");
    CHECK(restored.loses == duration(1h));
    CHECK(restored.restore == duration(90s));
    CHECK(restored.lacks.empty());

    f.config->values["rootfs"] = "nfs:vm-101-disk-0,size=8G";
    const forecast moved = foretell(f, {}, {});
    REQUIRE(moved.how == strategy::relocate);
    CHECK(moved.loses == duration::zero());
    CHECK(moved.restore == duration::zero());
    CHECK_FALSE(moved.archive);
}

TEST_CASE("a forecast says why a guest stays down") {
    struct row {
        const char* code;
        void (*change)(facts&);
    };
    const row rows[] = {
        {"no_backup", [](facts& f) { f.backups.clear(); }},
        {"backup_stale",
         [](facts& f) {
             for (auto& b : f.backups) b.created = f.now - 300h;
         }},
        {"not_running", [](facts& f) { f.view->guests[ct101].status = model::run_state::stopped; }},
        {"no_target",
         [](facts& f) {
             for (const char* n : {"n2", "n3"}) f.view->nodes[node_name(n)].free_memory = 1 << 20U;
         }},
        {"not_movable", [](facts& f) { f.config->values["mp0"] = "/srv/data,mp=/data"; }},
        {"unknown", [](facts& f) { f.config.reset(); }},
    };
    for (const row& r : rows) {
        INFO(r.code);
        facts f = when_its_node_dies();
        r.change(f);
        const forecast down = foretell(f, {}, {});
        CHECK_FALSE(down.how);
        CHECK(down.code == r.code);
        CHECK_FALSE(down.text.empty());
        CHECK_FALSE(down.takes);
    }
}

TEST_CASE("a token that may only look is told what would be possible, and what it lacks for it") {
    facts f = when_its_node_dies();
    for (auto& [path, held] : f.privileges) held = {"VM.Audit", "Datastore.Audit"};
    const forecast possible = foretell(f, {}, {});
    CHECK(possible.how == strategy::restore);
    CHECK(possible.lacks.find("VM.Allocate on /vms/101") != std::string::npos);
}

TEST_CASE("backups that our token may not see are not known to be missing") {
    struct row {
        const char* what;
        const char* path;
        const char* taken;
        const char* code;
        const char* helps;
    };
    const row rows[] = {
        {"all rights", "/vms/101", "", "no_backup", "make one"},
        {"not of the guest", "/vms/101", "VM.Backup", "unknown", "VM.Backup on /vms/101"},
        {"not of the storage", "/storage/backup", "Datastore.AllocateSpace", "unknown",
         "Datastore.AllocateSpace on /storage/backup"},
    };
    for (const row& r : rows) {
        INFO(r.what);
        facts f = when_its_node_dies();
        f.backups.clear();
        f.privileges[r.path].erase(r.taken);
        const forecast down = foretell(f, {}, {});
        CHECK(down.code == r.code);
        CHECK(down.release.find(r.helps) != std::string::npos);
    }
}

TEST_CASE("two restores at once: the others wait for their turn, and those with shared disks for nobody") {
    const auto up = until_proven + until_up;
    struct row {
        const char* what;
        std::vector<forecast> guests;
        std::vector<std::optional<duration>> wanted;
    };
    const auto restored = [](duration d) { return waiting(strategy::restore, d); };
    const auto to_n2 = [&](duration d) {
        forecast f = restored(d);
        f.target = node_name("n2");
        return f;
    };
    const row rows[] = {
        {"one", {restored(60s)}, {up + 60s}},
        {"two side by side", {restored(60s), restored(30s)}, {up + 60s, up + 30s}},
        {"the third after the faster one",
         {restored(60s), restored(30s), restored(10s)},
         {up + 60s, up + 30s, up + 30s + 10s + until_up}},
        {"shared disks wait for nobody",
         {restored(60s), restored(60s), waiting(strategy::relocate, 0s)},
         {up + 60s, up + 60s, up}},
        {"what stays down takes no turn", {waiting({}, {}), restored(60s)}, {std::nullopt, up + 60s}},
        {"to one target one after the other", {to_n2(60s), to_n2(30s)}, {up + 60s, up + 60s + 30s + until_up}},
        {"one of unknown length, and the other queue goes on",
         {waiting(strategy::restore, {}), restored(60s), restored(10s)},
         {std::nullopt, up + 60s, up + 60s + 10s + until_up}},
    };
    for (const row& r : rows) {
        INFO(r.what);
        std::vector<forecast> guests = r.guests;
        // To a node each, unless the row says otherwise.
        for (std::size_t i = 0; i < guests.size(); ++i)
            if (guests[i].target.empty()) guests[i].target = node_name("m" + std::to_string(i));
        queue_restores(guests);
        std::vector<std::optional<duration>> takes;
        for (const forecast& f : guests) takes.push_back(f.takes);
        CHECK(takes == r.wanted);
    }
}
