#include "core/failover/plan_move.hpp"

#include "support/good_facts.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace steward;
using namespace steward::failover;

/// Where a guest can be migrated before its node (n1) goes down.
namespace {

using spoiler = std::function<void(facts&, policy&)>;
const guest_id ct102(guest_type::ct, vmid(102));

facts leaving_facts() {
    facts f = good_facts();
    f.closed.insert(f.view->find(f.guest)->node);
    f.status->status = model::run_state::running;
    return f;
}

std::string code_after(const spoiler& spoil) {
    facts f = leaving_facts();
    policy rules;
    spoil(f, rules);
    const auto answer = make_move(f, rules);
    return std::holds_alternative<plan>(answer) ? std::string("a plan") : std::get<refusal>(answer).code;
}

std::string targets_after(const spoiler& spoil) {
    facts f = leaving_facts();
    policy rules;
    spoil(f, rules);
    const auto answer = make_move(f, rules);
    std::string all;
    if (const auto* p = std::get_if<plan>(&answer))
        for (const node_name& n : p->targets) all += n.str() + " ";
    return all;
}

void nothing(facts&, policy&) {}

}  // namespace

TEST_CASE("a move needs no backup, no guard and no privilege to restore, and says where from and how") {
    facts f = leaving_facts();
    f.backups.clear();
    f.archived.clear();
    f.privileges.clear();
    f.parking_problem = "nobody answers";
    const auto answer = make_move(f, {});
    REQUIRE(std::holds_alternative<plan>(answer));
    const auto& p = std::get<plan>(answer);
    CHECK(p.how == strategy::migrate);
    CHECK(p.source == f.view->find(f.guest)->node);
    CHECK_FALSE(p.is_source_gone);
    CHECK(std::string(name_of(p.how)) == "migrate");
}

TEST_CASE("who cannot be moved away, or need not be, is told why") {
    struct row {
        const char* code;
        spoiler spoil;
    };
    const row rows[] = {
        {"a plan", nothing},
        {"disabled", [](facts&, policy& rules) { rules.failover_enabled = false; }},
        {"not_leaving", [](facts& f, policy&) { f.closed.clear(); }},
        {"not_running", [](facts& f, policy&) { f.status->status = model::run_state::stopped; }},
        {"operator_stopped",
         [](facts& f, policy&) {
             f.status->status = model::run_state::stopped;
             f.stopped_by = "root@pam";
         }},
        {"not_movable", [](facts& f, policy&) { f.config->values["hostpci0"] = "0000:01:00.0"; }},
        {"locked", [](facts& f, policy&) { f.status->lock = "backup"; }},
        {"ha_managed", [](facts& f, policy&) { f.status->ha_managed = true; }},
        {"unknown", [](facts& f, policy&) { f.view.reset(); }},
        {"no_target",
         [](facts& f, policy&) {
             for (const auto& [name, n] : f.view->nodes) f.closed.insert(name);
         }},
        {"no_target",
         [](facts& f, policy&) {
             for (auto& s : f.view->storages) s.free_bytes = 1;
         }},
        {"no_target",
         [](facts& f, policy&) {
             for (auto& s : f.view->storages) s.available = false;
         }},
        {"a plan",
         [](facts& f, policy&) {
             // What is shared is there already.
             for (auto& s : f.view->storages) s.shared = true, s.free_bytes = 1;
         }},
    };
    for (const row& r : rows) {
        INFO(r.code);
        CHECK(code_after(r.spoil) == r.code);
    }
}

TEST_CASE("guests that belong together leave together: the second one follows the first") {
    CHECK(targets_after(nothing) == "n2 n3 ");
    const auto with_mate = [](const char* bound_for) {
        return [bound_for](facts& f, policy& rules) {
            rules.together = {ct102};
            model::guest_row mate = *f.view->find(f.guest);
            mate.id = ct102;
            f.view->guests[ct102] = mate;
            if (*bound_for != '\0') f.bound[ct102] = node_name(bound_for);
        };
    };
    CHECK(targets_after(with_mate("")) == "n2 n3 ");
    CHECK(targets_after(with_mate("n3")) == "n3 ");
}
