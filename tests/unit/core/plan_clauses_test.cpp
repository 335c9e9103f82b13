#include "support/good_facts.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <stdexcept>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

/// What a plan makes of the guest's configuration, of its node, of the archives and of the targets, one by one.
namespace {

using spoiler = std::function<void(facts&, policy&)>;

std::string code_of(const std::variant<plan, refusal>& answer) {
    return std::holds_alternative<plan>(answer) ? std::string("a plan") : std::get<refusal>(answer).code;
}

std::string code_after(facts f, const spoiler& spoil) {
    policy rules;
    spoil(f, rules);
    return code_of(make_plan(f, rules, {}));
}

plan plan_of(const facts& f, const policy& rules = {}) {
    const auto answer = make_plan(f, rules, {});
    REQUIRE(code_of(answer) == "a plan");
    return std::get<plan>(answer);
}

/// Why something was passed over, in a plan or in a refusal; "" when it was not.
std::string why_not(const std::string& what, const facts& f, const policy& rules = {}) {
    const auto answer = make_plan(f, rules, {});
    const auto& all =
        std::holds_alternative<plan>(answer) ? std::get<plan>(answer).rejections : std::get<refusal>(answer).rejections;
    for (const rejected& r : all)
        if (r.what == what) return r.why;
    return {};
}

void lock(facts& f, const char* as) { f.config->values["lock"] = as; }

}  // namespace

TEST_CASE("whether a guest may be touched is decided by what is true of it now") {
    struct row {
        const char* what;
        const char* code;
        spoiler spoil;
    };
    const row rows[] = {
        {"its node is in HA's maintenance", "maintenance",
         [](facts& f, policy&) { f.view->nodes[node_name("n1")].is_in_ha_maintenance = true; }},
        {"stopped, and nobody did it on purpose", "a plan",
         [](facts& f, policy&) { f.status->status = model::run_state::stopped; }},
        {"stopped on purpose once, and started since", "a plan", [](facts& f, policy&) { f.stopped_by = "root@pam"; }},
        {"its node is there, whatever was found out about it before", "a plan",
         [](facts& f, policy&) { f.source = fencing::evidence(); }},
        {"a path to it is broken", "path_problem", [](facts& f, policy&) { f.path_problem = "n2 and n3 disagree"; }},
        {"too many fail at once", "storm", [](facts& f, policy&) { f.storm = "8 of 10 guests fail"; }},
        {"nodes have different configurations", "config_divergence",
         [](facts& f, policy&) { f.divergence = "n1 and n2 differ"; }},
        {"its configuration could not be read", "unknown", [](facts& f, policy&) { f.config.reset(); }},
        {"suspended", "guest_suspended", [](facts& f, policy&) { f.status->detail = "suspended"; }},
    };
    for (const row& r : rows) {
        INFO(r.what);
        CHECK(code_after(good_facts(), r.spoil) == r.code);
    }
}

TEST_CASE("an order is above a storm and a divergence, and above nothing else") {
    wish forced;
    forced.force = true;
    facts f = good_facts();
    f.storm = "8 of 10 guests fail";
    f.divergence = "n1 and n2 differ";
    CHECK(code_of(make_plan(f, {}, {})) == "storm");
    CHECK(code_of(make_plan(f, {}, forced)) == "a plan");
    f.storm.clear();
    CHECK(code_of(make_plan(f, {}, {})) == "config_divergence");
    f.path_problem = "n2 and n3 disagree";
    CHECK(code_of(make_plan(f, {}, forced)) == "path_problem");
}

TEST_CASE("what lies in the guest or the cluster forbids to touch it at all; what lies in the plan does not") {
    facts locked = good_facts();
    lock(locked, "backup");
    CHECK(may_touch(locked)->is_untouchable);
    CHECK(std::get<refusal>(make_plan(locked, {}, {})).is_untouchable);
    facts without_backup = good_facts();
    without_backup.backups.clear();
    CHECK_FALSE(may_touch(without_backup));
    CHECK_FALSE(std::get<refusal>(make_plan(without_backup, {}, {})).is_untouchable);
}

TEST_CASE("a storage takes what just fits, and one of which that is not known") {
    struct row {
        const char* name;
        std::optional<std::uint64_t> free;
        const char* code;
    };
    for (const row& r :
         {row{"it just fits", 8ULL << 30U, "a plan"}, row{"a byte is missing", (8ULL << 30U) - 1, "no_target"},
          row{"nobody knows", std::nullopt, "a plan"}}) {
        INFO(r.name);
        facts f = good_facts();
        for (model::storage_row& s : f.view->storages) {
            s.free_bytes = 0;
            s.free_bytes = r.free;
        }
        CHECK(code_of(make_plan(f, {}, {})) == r.code);
    }
}

TEST_CASE("what could not be read is told with its reason") {
    facts f = good_facts();
    f.view.reset();
    CHECK(may_touch(f)->text == "the cluster's state could not be read");
    f.problems = {"connection refused"};
    CHECK(may_touch(f)->text == "the cluster's state could not be read: connection refused");
}

TEST_CASE("of a guest whose node is gone a proof decides, or the time until there is one") {
    struct row {
        const char* what;
        const char* code;
        spoiler spoil;
    };
    const row rows[] = {
        {"proven", "a plan", [](facts&, policy&) {}},
        {"gone for a minute, and its watchdog still has time", "a plan",
         [](facts& f, policy&) { f.source->silence = f.source->gone_for = 60s; }},
        {"gone for less", "node_away", [](facts& f, policy&) { f.source->silence = f.source->gone_for = 59s; }},
        {"nobody knows since when", "node_away", [](facts& f, policy&) { f.source->gone_for.reset(); }},
        {"gone for less, but a person vouches for it", "a plan",
         [](facts& f, policy&) {
             f.source->gone_for = 10s;
             f.source->confirmed = fencing::confirmation{"boot-1", "root", {}};
         }},
        {"it has promised nothing", "no_fence",
         [](facts& f, policy&) { f.source->lease->promise = lease::contract::none; }},
        {"its configuration could not be read", "unknown", [](facts& f, policy&) { f.config.reset(); }},
        {"it was being created", "locked_create", [](facts& f, policy&) { lock(f, "create"); }},
        {"it was locked by what died with its node", "a plan", [](facts& f, policy&) { lock(f, "backup"); }},
        {"HA has it", "ha_managed", [](facts& f, policy&) { f.view->guests[ct101].hastate = "started"; }},
        {"HA was told to let it be", "a plan", [](facts& f, policy&) { f.view->guests[ct101].hastate = "ignored"; }},
        {"its node had been in HA's maintenance", "a plan",
         [](facts& f, policy&) { f.view->nodes[node_name("n1")].is_in_ha_maintenance = true; }},
    };
    for (const row& r : rows) {
        INFO(r.what);
        CHECK(code_after(facts_of_dead_node(), r.spoil) == r.code);
    }
    const plan p = plan_of(facts_of_dead_node());
    CHECK(p.is_source_gone);
    CHECK(p.source_boot == "boot-1");
    CHECK_FALSE(plan_of(good_facts()).is_source_gone);
    // What is known of a living node is no proof of anything.
    facts living = good_facts();
    living.source = facts_of_dead_node().source;
    CHECK(plan_of(living).source_boot.empty());
    facts vouched = facts_of_dead_node();
    vouched.source->lease.reset();
    vouched.source->confirmed = fencing::confirmation{"boot-1", "root", {}};
    CHECK(plan_of(vouched).source_boot.empty());
}

TEST_CASE("a plan warns of a lock that died with its node, and of a clock that is wrong") {
    const auto warnings = [](const facts& f) {
        std::vector<std::string> codes;
        for (const rejected& w : plan_of(f).warnings) codes.push_back(w.what);
        return codes;
    };
    using codes = std::vector<std::string>;
    CHECK(warnings(facts_of_dead_node()).empty());
    facts locked = facts_of_dead_node();
    lock(locked, "backup");
    CHECK(warnings(locked) == codes{"stale_lock_ignored"});
    locked.config->values["rootfs"] = "nfs:101/vm-101-disk-0.raw";
    CHECK(warnings(locked) == codes{"stale_lock_ignored"});
    // An hour ahead may be a time zone.
    facts f = good_facts();
    f.backups = {archive("backup:backup/new", -61min)};
    CHECK(warnings(f).empty());
    f.backups = {archive("backup:backup/new", -62min)};
    CHECK(warnings(f) == codes{"backup_time_skew"});
    // What is moved has no archive whose time could be wrong.
    f.config->values["rootfs"] = "nfs:101/vm-101-disk-0.raw";
    CHECK(warnings(f).empty());
}

TEST_CASE("disks are found in a configuration however they are written") {
    struct row {
        const char* what;
        const char* value;
        bool is_moved;
    };
    for (const row& r : {row{"plain", "nfs:101/vm-101-disk-1.raw,mp=/data", true},
                         row{"by name", "volume=nfs:101/vm-101-disk-1.raw,mp=/data", true},
                         row{"as a file", "file=nfs:101/vm-101-disk-1.raw,mp=/data", true},
                         row{"none at all", "none", true}, row{"local", "local-lvm:vm-101-disk-1,mp=/data", false}}) {
        INFO(r.what);
        facts f = good_facts();
        f.config->values["rootfs"] = "nfs:101/vm-101-disk-0.raw,size=8G";
        f.config->values["mp0"] = r.value;
        CHECK((plan_of(f).how == strategy::relocate) == r.is_moved);
    }
    facts f = good_facts();
    f.config->values["mp0"] = "/srv/data,mp=/data";
    const auto answer = make_plan(f, {}, {});
    REQUIRE(code_of(answer) == "not_movable");
    CHECK(std::get<refusal>(answer).text.find("(mp0: /srv/data)") != std::string::npos);
}

TEST_CASE("a guest without disks has nothing that could be moved with it") {
    facts f = good_facts();
    f.config->values.erase("rootfs");
    policy rules;
    rules.storage = storage_id("nfs");
    f.privileges["/storage/nfs"] = {"Datastore.AllocateSpace"};
    CHECK(plan_of(f, rules).how == strategy::restore);
}

TEST_CASE("our rights are asked for the guest, its storages and its bridges, each once") {
    facts f = good_facts();
    using paths = std::vector<std::string>;
    CHECK(acl_paths(f, {}) ==
          paths{"/vms/101", "/storage/local-lvm", "/storage/backup", "/sdn/zones/localnetwork/vmbr0"});
    f.config->values["net1"] = "name=eth1,bridge=vmbr0";
    f.config->values["net2"] = "name=eth2,hwaddr=BC:24:11:00:00:01";
    f.config->values["description"] = "bridge=vmbr9";
    CHECK(acl_paths(f, {}) ==
          paths{"/vms/101", "/storage/local-lvm", "/storage/backup", "/sdn/zones/localnetwork/vmbr0"});
    f.config.reset();
    CHECK(acl_paths(f, {}) == paths{"/vms/101", "/storage/backup"});
}

TEST_CASE("without a right on either storage nothing is begun") {
    for (const char* path : {"/storage/local-lvm", "/storage/backup"}) {
        INFO(path);
        facts f = good_facts();
        f.privileges[path].erase("Datastore.AllocateSpace");
        const auto answer = make_plan(f, {}, {});
        REQUIRE(code_of(answer) == "missing_privilege");
        CHECK(std::get<refusal>(answer).text == std::string("our token lacks Datastore.AllocateSpace on ") + path);
    }
}

TEST_CASE("archives are looked for where backups are kept, once, and only where the policy says") {
    facts f = good_facts();
    using ids = std::vector<storage_id>;
    CHECK(backup_storages(*f.view, {}) == ids{storage_id("backup")});
    policy rules;
    rules.backup_storages = {storage_id("other")};
    CHECK(backup_storages(*f.view, rules).empty());
    f.view->storages.push_back(storage("n1", "other", true, {"backup"}));
    CHECK(backup_storages(*f.view, rules) == ids{storage_id("other")});
    CHECK(backup_storages(*f.view, {}) == ids{storage_id("backup"), storage_id("other")});
    f.view->storages.back().available = false;
    CHECK(backup_storages(*f.view, rules).empty());
}

TEST_CASE("what is wrong with an archive is said of it") {
    facts f = good_facts();
    const std::string name = "backup:backup/new";
    f.backups[0].encrypted = true;
    CHECK(plan_of(f).archive->volume.str() == name);
    f.archived.erase(volid(name));
    CHECK(why_not(name, f).starts_with("is encrypted"));
    f.backups[0].encrypted = false;
    CHECK(why_not(name, f).starts_with("was not opened"));
    policy rules;
    facts old = good_facts();
    old.backups = {archive("backup:backup/new", rules.max_backup_age)};
    CHECK(plan_of(old).archive->volume.str() == name);
}

TEST_CASE("the newest archive that a node can restore is taken, and the first one speaks for the nodes") {
    facts f = good_facts();
    f.backups = {archive("backup:backup/new", 1h), archive("backup:backup/old", 2h)};
    const plan newest = plan_of(f);
    CHECK(newest.archive->volume.str() == "backup:backup/new");
    CHECK(newest.targets.size() == 2);
    CHECK(newest.rejections.empty());
    // Only n9 could read the newest.
    f.backups[0].only_on = node_name("n9");
    const plan older = plan_of(f);
    CHECK(older.archive->volume.str() == "backup:backup/old");
    CHECK(older.targets.size() == 2);
    CHECK(why_not("n2", f) == "cannot read the archive: storage backup is local to n9");
}

TEST_CASE("why a node cannot take a guest") {
    struct row {
        const char* why;
        spoiler spoil;
    };
    const auto on_n2 = [](facts& f, const char* id) -> model::storage_row& {
        for (model::storage_row& s : f.view->storages)
            if (s.node.str() == "n2" && s.id.str() == id) return s;
        throw std::logic_error("no such storage");
    };
    const row rows[] = {
        {"storage local-lvm is not available there",
         [&](facts& f, policy&) { on_n2(f, "local-lvm").available = false; }},
        {"storage local-lvm does not take guest disks (content rootdir)",
         [&](facts& f, policy&) { on_n2(f, "local-lvm").content = {"images"}; }},
        {"cannot read backup storage backup", [&](facts& f, policy&) { on_n2(f, "backup").available = false; }},
        {"is in Proxmox HA's maintenance",
         [](facts& f, policy&) { f.view->nodes[node_name("n2")].is_in_ha_maintenance = true; }},
        {"is not a member of the cluster",
         [](facts& f, policy& p) {
             f.view->nodes.erase(node_name("n2"));
             p.targets = {node_name("n2"), node_name("n3")};
         }},
        {"",
         [](facts& f, policy& p) {
             // One that must stay apart is elsewhere, and one is nowhere.
             p.apart = {guest_id(guest_type::vm, vmid(103)), guest_id(guest_type::vm, vmid(104))};
             f.view->guests[p.apart[0]].node = node_name("n3");
         }},
    };
    for (const row& r : rows) {
        INFO(r.why);
        facts f = good_facts();
        policy rules;
        r.spoil(f, rules);
        CHECK(why_not("n2", f, rules) == r.why);
    }
}

TEST_CASE("what a guest has been given counts more than what its configuration says") {
    facts f = good_facts();
    f.view->guests[ct101].max_memory = 512U << 20U;
    f.config->values["memory"] = "4096";
    for (auto& [name, n] : f.view->nodes) n.free_memory = 1ULL << 30U;
    CHECK(plan_of(f).targets.size() == 2);
}
