#include "support/good_facts.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

namespace {

std::string words(const std::vector<rejected>& list) {
    std::string out;
    for (const rejected& r : list) out += r.what + " " + r.why + "; ";
    return out;
}

}  // namespace

TEST_CASE(
    "without a wish the node with most memory to spare comes first, and what is promised to others is not spare") {
    constexpr std::uint64_t gib = 1ULL << 30U;
    struct row {
        const char* what;
        std::uint64_t free2, free3, promised2, promised3;
        std::vector<std::string> targets;
    };
    const row rows[] = {
        {"more on n3", 2 * gib, 6 * gib, 0, 0, {"n3", "n2"}},
        {"a little more is the same", 6 * gib, 6 * gib + gib / 8, 0, 0, {"n2", "n3"}},
        {"n3 is promised to others", 4 * gib, 6 * gib, 0, 4 * gib, {"n2", "n3"}},
        {"nothing is left of n3", 4 * gib, 6 * gib, 0, 6 * gib, {"n2"}},
        {"more is promised than there is", 4 * gib, 6 * gib, 9 * gib, 0, {"n3"}},
        {"just enough is left", 4 * gib, 6 * gib, 0, 6 * gib - gib / 2, {"n2", "n3"}},
        {"n2 does not say", 0, 1 * gib, 0, 0, {"n3", "n2"}},
    };
    for (const row& r : rows) {
        INFO(r.what);
        facts f = good_facts();
        for (auto& [name, n] : f.view->nodes) n.memory = 8 * gib;
        f.view->nodes[node_name("n2")].free_memory = r.free2;
        f.view->nodes[node_name("n3")].free_memory = r.free3;
        f.reserved = {{node_name("n2"), r.promised2}, {node_name("n3"), r.promised3}};
        const auto answer = make_plan(f, {}, {});
        REQUIRE(std::holds_alternative<plan>(answer));
        std::vector<std::string> targets;
        for (const node_name& n : std::get<plan>(answer).targets) targets.push_back(n.str());
        CHECK(targets == r.targets);
    }
}

TEST_CASE("what a guest needs is in its configuration when its node has been silent for too long") {
    struct row {
        const char* memory;
        bool fits;
    };
    for (const row& r : {row{"2048", false}, row{"current=2048", false}, row{"1024", true}, row{"", true}}) {
        INFO(r.memory);
        facts f = good_facts();
        f.view->guests[ct101].max_memory = 0;
        f.config->values["memory"] = r.memory;
        for (auto& [name, n] : f.view->nodes) n.free_memory = 1ULL << 30U;
        CHECK(std::holds_alternative<plan>(make_plan(f, {}, {})) == r.fits);
    }
}

TEST_CASE("a wish comes before the memory to spare") {
    facts f = good_facts();
    for (auto& [name, n] : f.view->nodes) n.memory = 8ULL << 30U;
    f.view->nodes[node_name("n2")].free_memory = 1ULL << 30U;
    policy rules;
    rules.targets = {node_name("n2"), node_name("n3")};
    const auto answer = make_plan(f, rules, {});
    REQUIRE(std::holds_alternative<plan>(answer));
    CHECK(std::get<plan>(answer).targets.front().str() == "n2");
}

TEST_CASE("with everything in place the newest backup goes to the first node") {
    const auto answer = make_plan(good_facts(), {}, {});
    REQUIRE(std::holds_alternative<plan>(answer));
    const plan& p = std::get<plan>(answer);
    CHECK(p.how == strategy::restore);
    CHECK(p.source.str() == "n1");
    REQUIRE(p.targets.size() == 2);
    CHECK(p.targets[0].str() == "n2");
    CHECK(p.archive->volume.str() == "backup:backup/new");
    CHECK(p.storage.str() == "local-lvm");
    CHECK(p.digest == std::string(40, 'a'));
    CHECK(p.tags == std::vector<std::string>{"web"});
}

TEST_CASE("each missing condition has a code of its own") {
    struct row {
        const char* code;
        std::function<void(facts&, policy&)> spoil;
    };
    const row rows[] = {
        {"disabled", [](facts&, policy& p) { p.failover_enabled = false; }},
        {"unknown", [](facts& f, policy&) { f.view.reset(); }},
        {"unknown", [](facts& f, policy&) { f.view->guests.clear(); }},
        {"unknown", [](facts& f, policy&) { f.status.reset(); }},
        {"quorum", [](facts& f, policy&) { f.view->is_quorate = false; }},
        {"quorum", [](facts& f, policy&) { f.view->is_quorate.reset(); }},
        {"no_fence", [](facts& f, policy&) { f.view->nodes[node_name("n1")].online = false; }},
        {"no_fence", [](facts& f, policy&) { f.view->nodes[node_name("n1")].online.reset(); }},
        {"ha_managed", [](facts& f, policy&) { f.status->ha_managed = true; }},
        {"template", [](facts& f, policy&) { f.view->guests[ct101].is_template = true; }},
        {"locked", [](facts& f, policy&) { f.status->lock = "backup"; }},
        {"locked", [](facts& f, policy&) { f.config->values["lock"] = "create"; }},
        {"operator_stopped",
         [](facts& f, policy&) {
             f.status->status = model::run_state::stopped;
             f.stopped_by = "root@pam";
         }},
        {"guest_suspended", [](facts& f, policy&) { f.status->detail = "paused"; }},
        {"not_movable", [](facts& f, policy&) { f.config->values["mp0"] = "/srv/data,mp=/data"; }},
        {"not_movable", [](facts& f, policy&) { f.config->values["hostpci0"] = "0000:01:00"; }},
        {"no_guard", [](facts& f, policy&) { f.parking_problem = "the guard does not answer"; }},
        {"no_backup", [](facts& f, policy&) { f.backups.clear(); }},
        {"backup_stale", [](facts& f, policy&) { f.backups[0] = archive("backup:backup/new", 27h); }},
        {"no_usable_backup", [](facts& f, policy&) { f.backups[0].verify_failed = true; }},
        {"no_usable_backup",
         [](facts& f, policy&) {
             f.backups[0].encrypted = true;
             f.archived.clear();
         }},
        {"no_usable_backup", [](facts& f, policy&) { f.backups[0].bytes = 0; }},
        {"no_usable_backup", [](facts& f, policy&) { f.archived.clear(); }},
        {"backup_identity",
         [](facts& f, policy&) { f.archived[volid("backup:backup/new")].values["hostname"] = "mail"; }},
        {"missing_privilege", [](facts& f, policy&) { f.privileges["/vms/101"].erase("VM.Allocate"); }},
        {"missing_privilege", [](facts& f, policy&) { f.privileges.erase("/sdn/zones/localnetwork/vmbr0"); }},
        {"no_target",
         [](facts&, policy& p) {
             p.avoid = {node_name("n2"), node_name("n3")};
         }},
        {"no_target", [](facts&, policy& p) { p.targets = {node_name("n9")}; }},
        {"no_target",
         [](facts& f, policy& p) {
             p.storage = storage_id("missing");
             f.privileges["/storage/missing"] = {"Datastore.AllocateSpace"};
         }},
        {"no_target",
         [](facts& f, policy&) {
             for (auto& [name, n] : f.view->nodes) n.free_memory = 1U << 20U;
         }},
        {"no_target",
         [](facts& f, policy&) {
             for (auto& s : f.view->storages) s.free_bytes = 1U << 20U;
         }},
    };
    for (const row& r : rows) {
        facts f = good_facts();
        policy p;
        r.spoil(f, p);
        DYNAMIC_SECTION(r.code << " #" << &r - rows) {
            const auto answer = make_plan(f, p, {});
            REQUIRE(std::holds_alternative<refusal>(answer));
            const refusal& no = std::get<refusal>(answer);
            CHECK(no.code == r.code);
            CHECK_FALSE(no.text.empty());
            CHECK_FALSE(no.release.empty());
        }
    }
}

TEST_CASE("what was being created when its node went away is left to a person, once that node is proven down") {
    facts f = good_facts();
    f.status.reset();
    f.config->values["lock"] = "create";
    f.view->nodes[node_name("n1")].online = false;
    fencing::evidence gone;
    gone.node = node_name("n1");
    gone.lease = lease::node_lease();
    gone.lease->promise = lease::contract::watchdog;
    for (const duration silence : {duration(149s), duration(150s)}) {
        gone.gone_for = gone.silence = silence;
        f.source = gone;
        const auto answer = make_plan(f, {}, {});
        REQUIRE(std::holds_alternative<refusal>(answer));
        CHECK(std::get<refusal>(answer).code == "locked_create");
        CHECK(std::get<refusal>(answer).also == (silence == 150s ? "manual_cleanup" : ""));
        const bool says_proven = std::get<refusal>(answer).text.find("is proven down") != std::string::npos;
        CHECK(says_proven == (silence == 150s));
    }
}

TEST_CASE("every rejected node and archive comes with its reason") {
    facts f = good_facts();
    f.view->nodes[node_name("n2")].online = false;
    f.backups = {archive("backup:backup/new", 1h), archive("backup:backup/old", 30h)};
    f.backups[0].verify_failed = true;
    const auto refused = make_plan(f, {}, {});
    REQUIRE(std::holds_alternative<refusal>(refused));
    const std::string text = words(std::get<refusal>(refused).rejections);
    CHECK(text.find("n2 is offline") != std::string::npos);
    CHECK(text.find("backup:backup/new failed its verification") != std::string::npos);
    CHECK(text.find("backup:backup/old is 30 h 00 min old") != std::string::npos);

    wish asked;
    asked.force = true;
    const auto forced = make_plan(f, {}, asked);
    REQUIRE(std::holds_alternative<plan>(forced));
    CHECK(std::get<plan>(forced).archive->volume.str() == "backup:backup/old");
}

TEST_CASE("a wish for a node is obeyed or refused, never replaced by another node") {
    wish asked;
    asked.to = node_name("n3");
    const auto good = make_plan(good_facts(), {}, asked);
    REQUIRE(std::holds_alternative<plan>(good));
    CHECK(std::get<plan>(good).targets == std::vector{node_name("n3")});
    asked.to = node_name("n1");
    const auto bad = make_plan(good_facts(), {}, asked);
    REQUIRE(std::holds_alternative<refusal>(bad));
    CHECK(words(std::get<refusal>(bad).rejections).find("n1 is where the guest is now") != std::string::npos);
}

TEST_CASE("a node in maintenance, and one with a guest that must stay apart, are left out with the reason") {
    facts f = good_facts();
    f.closed = {node_name("n2")};
    const auto one = make_plan(f, {}, {});
    REQUIRE(std::holds_alternative<plan>(one));
    CHECK(std::get<plan>(one).targets == std::vector{node_name("n3")});
    CHECK(words(std::get<plan>(one).rejections).find("n2 is in maintenance") != std::string::npos);

    policy rules;
    constexpr guest_id vm103{guest_type::vm, vmid(103)};
    rules.apart = {vm103};
    f.view->guests[vm103].id = vm103;
    f.view->guests[vm103].node = node_name("n3");
    const auto none = make_plan(f, rules, {});
    REQUIRE(std::holds_alternative<refusal>(none));
    CHECK(std::get<refusal>(none).code == "no_target");
    CHECK(words(std::get<refusal>(none).rejections).find("n3 is where vm/103 is") != std::string::npos);
}

TEST_CASE("a guest that belongs to another one goes where that is, or will be, or nowhere") {
    policy rules;
    constexpr guest_id vm103{guest_type::vm, vmid(103)};
    rules.together = {vm103};
    facts f = good_facts();
    // Nothing is known of the other one, or its node is gone as well: whoever comes first decides.
    for (const char* where : {"", "n4"}) {
        if (*where != 0) f.view->guests[vm103].node = node_name(where);
        const auto free = make_plan(f, rules, {});
        REQUIRE(std::holds_alternative<plan>(free));
        CHECK(std::get<plan>(free).targets.size() == 2);
    }
    f.view->guests[vm103].node = node_name("n3");
    const auto there = make_plan(f, rules, {});
    REQUIRE(std::holds_alternative<plan>(there));
    CHECK(std::get<plan>(there).targets == std::vector{node_name("n3")});
    // What is on its way counts, not where it comes from.
    f.bound[vm103] = node_name("n2");
    const auto later = make_plan(f, rules, {});
    REQUIRE(std::holds_alternative<plan>(later));
    CHECK(std::get<plan>(later).targets == std::vector{node_name("n2")});
    // The other one is well at home.
    f.bound.clear();
    f.view->guests[vm103].node = node_name("n1");
    const auto none = make_plan(f, rules, {});
    REQUIRE(std::holds_alternative<refusal>(none));
    CHECK(std::get<refusal>(none).code == "no_target");
    CHECK(words(std::get<refusal>(none).rejections).find("n2 is not where vm/103 is, which is n1") !=
          std::string::npos);
}

TEST_CASE("a guest that must stay apart from another one stays out of its way") {
    policy rules;
    constexpr guest_id vm103{guest_type::vm, vmid(103)};
    rules.apart = {vm103};
    facts f = good_facts();
    f.bound[vm103] = node_name("n2");
    const auto p = make_plan(f, rules, {});
    REQUIRE(std::holds_alternative<plan>(p));
    CHECK(std::get<plan>(p).targets == std::vector{node_name("n3")});
}

TEST_CASE("targets that are no more than a preference come first, the others after them") {
    policy rules;
    rules.targets = {node_name("n3")};
    rules.only_targets = false;
    const auto answer = make_plan(good_facts(), rules, {});
    REQUIRE(std::holds_alternative<plan>(answer));
    CHECK(std::get<plan>(answer).targets == std::vector{node_name("n3"), node_name("n2")});
}

TEST_CASE("a guest with all disks on shared storage is relocated, which needs no backup") {
    facts f = good_facts();
    f.config->values["rootfs"] = "nfs:101/vm-101-disk-0.raw,size=8G";
    f.backups.clear();
    const auto answer = make_plan(f, {}, {});
    REQUIRE(std::holds_alternative<plan>(answer));
    CHECK(std::get<plan>(answer).how == strategy::relocate);
    f.config->values["mp0"] = "local-lvm:vm-101-disk-1,mp=/data,size=1G";
    CHECK(std::holds_alternative<refusal>(make_plan(f, {}, {})));
}

TEST_CASE("an archive on a storage of one node can be restored only there") {
    facts f = good_facts();
    for (auto& s : f.view->storages)
        if (s.id.str() == "backup") s.shared = false;
    f.backups[0].only_on = node_name("n3");
    const auto answer = make_plan(f, {}, {});
    REQUIRE(std::holds_alternative<plan>(answer));
    CHECK(std::get<plan>(answer).targets == std::vector{node_name("n3")});
}
