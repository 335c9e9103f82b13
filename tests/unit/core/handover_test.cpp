#include "core/handover/handover.hpp"

#include "base/sha1.hpp"
#include "core/failover/record.hpp"
#include "core/handover/config_text.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::handover;
using guard::verb;
using content = std::optional<std::string>;

namespace {

const std::string original = "hostname: web\nonboot: 1\nrootfs: local-lvm:vm-101-disk-0,size=8G\n";
const std::string locked = locked_text(original);
const std::string edited = original + "memory: 2048\n";
const std::string backed_up = "lock: backup\n" + original;
const content none;

/// What a row wants: a step, or finish with "" (done) or the refusal's word.
class wanted {
  public:
    wanted(step s) : next(s) {}
    wanted(errc refused_as, std::string says) : next(step::finish), code(refused_as), word(std::move(says)) {}
    step next;
    std::optional<errc> code;
    std::string word;
};

class row {
  public:
    const char* what;
    content home, parked, original, away;
    std::string taken_by;
    wanted want;
};

request request_for(verb what) {
    request r;
    r.what = what;
    r.guest = guest_id(guest_type::ct, vmid(101));
    r.source = node_name("n2");
    r.target = node_name("n1");
    r.generation = 4;
    r.digest = sha1_hex(original);
    return r;
}

void check(const request& r, const row& x, bool has_target = true) {
    INFO(x.what);
    observed seen;
    seen.home = x.home;
    seen.parked = x.parked;
    seen.original = x.original;
    seen.away = x.away;
    seen.taken_by = x.taken_by;
    seen.has_target = has_target;
    const decision d = next_step(r, seen);
    CHECK(static_cast<int>(d.what) == static_cast<int>(x.want.next));
    if (d.what != step::finish || x.want.next != step::finish) return;
    INFO(d.answer.detail);
    CHECK(d.answer.ok == !x.want.code.has_value());
    if (!x.want.code) return;
    CHECK(d.answer.code == *x.want.code);
    CHECK(d.answer.detail.find(x.want.word) != std::string::npos);
}

}  // namespace

TEST_CASE("whatever is found of a parking, it goes on from there or says why not") {
    const row rows[] = {
        {"nothing is there", none, none, none, none, "", {errc::not_found, "nodes/n2/lxc/101.conf"}},
        {"only the configuration", original, none, none, none, "", step::keep_original},
        {"its original is kept", original, none, original, none, "", step::lock_home},
        {"it is locked for the way", locked, none, original, none, "", step::park_home},
        {"locked by us, but nobody kept the original", locked, none, none, none, "", {errc::locked, "locked"}},
        {"PVE works on it", backed_up, none, none, none, "", {errc::locked, "backup"}},
        {"PVE works on it since its original was kept", backed_up, none, original, none, "", {errc::locked, "backup"}},
        {"it was changed", edited, none, none, none, "", {errc::changed, "digest"}},
        {"it was changed since its original was kept", edited, none, original, none, "", {errc::changed, "digest"}},
        {"the kept original is of another configuration", original, none, edited, none, "", {errc::exists, ".orig"}},
        {"it is parked", none, locked, original, none, "", {step::finish}},
        {"it is parked unlocked: an unpark was cut off", none, original, original, none, "", step::lock_parked},
        {"parked, and edited there", none, edited, original, none, "", {errc::changed, "edited"}},
        {"parked without an original", none, locked, none, none, "", {errc::exists, "101.n2.g4.conf"}},
        {"parked, and of another configuration", none, locked, edited, none, "", {errc::exists, "101.n2.g4.conf"}},
        {"parked, and a new one at home", original, locked, original, none, "", {step::finish}},
    };
    for (const row& x : rows) check(request_for(verb::park), x);
}

TEST_CASE("a parking done already says where the configuration is") {
    observed seen;
    seen.parked = locked;
    seen.original = original;
    CHECK(next_step(request_for(verb::park), seen).answer.path == "priv/steward/parked/101.n2.g4.conf");
}

TEST_CASE("locks of a source that is gone do not keep a configuration from being parked") {
    request r = request_for(verb::park);
    r.is_source_gone = true;
    r.digest = sha1_hex(backed_up);
    check(r, {"a task that died with its node", backed_up, none, none, none, "", step::keep_original});
    check(r, {"changed all the same", edited, none, none, none, "", {errc::changed, "digest"}});
}

TEST_CASE("whatever is found of an unparking, it goes on from there or says why not") {
    const row rows[] = {
        {"nothing is there", none, none, none, none, "", {errc::not_found, "101.n2.g4.conf"}},
        {"it is at home as it was", original, none, original, none, "", {step::finish}},
        {"it is at home, and nobody kept an original", original, none, none, none, "", {step::finish}},
        {"a park was cut off before its commit", locked, none, original, none, "", step::unlock_home},
        {"locked at home, but of another original", locked, none, edited, none, "", {step::finish}},
        {"it is parked", none, locked, original, none, "", step::unlock_parked},
        {"it is parked and unlocked", none, original, original, none, "", step::bring_home},
        {"parked and edited", none, edited, original, none, "", {errc::changed, "edited"}},
        {"parked without an original", none, locked, none, none, "", {errc::not_found, ".orig is missing"}},
        {"of another configuration", none, locked, edited, none, "", {errc::changed, ".orig"}},
        {"a new one is at home", edited, locked, original, none, "", {errc::exists, "created meanwhile"}},
        {"the number is taken", none, locked, original, none, "nodes/n3/lxc", {errc::exists, "nodes/n3/lxc"}},
        {"unlocked, and the number is taken", none, original, original, none, "nodes/n3", {errc::exists, "nodes/n3"}},
    };
    for (const row& x : rows) check(request_for(verb::unpark), x);
    request any = request_for(verb::unpark);
    any.digest.clear();
    check(any, {"without a digest any original will do", none, locked, original, none, "", step::unlock_parked});
    check(any, {"but there must be one", none, locked, none, none, "", {errc::not_found, ".orig is missing"}});
}

TEST_CASE("whatever is found of a relocation, it goes on from there or says why not") {
    const row rows[] = {
        {"nothing is there", none, none, none, none, "", {errc::not_found, "nodes/n2/lxc/101.conf"}},
        {"it is at home", original, none, none, none, "", step::move_to_target},
        {"it is there", none, none, none, original, "", {step::finish}},
        {"something else is there", none, none, none, edited, "", {errc::changed, "n1"}},
        {"it is at home and something is there", original, none, none, edited, "", {errc::exists, "n1"}},
        {"it was changed", edited, none, none, none, "", {errc::changed, "digest"}},
        {"PVE works on it", backed_up, none, none, none, "", {errc::locked, "backup"}},
        {"the number is taken", original, none, none, none, "nodes/n3/lxc", {errc::exists, "nodes/n3/lxc"}},
    };
    for (const row& x : rows) check(request_for(verb::relocate), x);
    check(request_for(verb::relocate),
          {"the target has no directory", original, none, none, none, "", {errc::not_found, "n1"}}, false);
    request round_trip = request_for(verb::relocate);
    round_trip.target = round_trip.source;
    check(round_trip, {"to where it is", original, none, none, none, "", {errc::invalid, "same node"}});
}

namespace {

const std::string stub = "lock: create\n";
const std::string record_text =
    R"({"format":1,"guest":"ct/101","state":"cleaning","claim":4,"restarts":[],"target":"n1","tried":[]})";

/// An original that is parked, and what a killed worker has left on n1.
observed left_behind() {
    observed seen;
    seen.parked = locked;
    seen.original = original;
    seen.away = stub;
    seen.record = record_text;
    return seen;
}

request unlock_of(const std::string& text) {
    request r = request_for(verb::unlock);
    r.digest = sha1_hex(text);
    r.epoch = 1;
    return r;
}

}  // namespace

TEST_CASE("a lock is taken off what a killed restore of this hand-over has left, and off nothing else") {
    struct row {
        const char* what;
        void (*change)(request&, observed&);
        wanted want;
    };
    const row rows[] = {
        {"what a killed worker leaves", [](request&, observed&) {}, step::unlock_away},
        {"half-made, with our tag",
         [](request& r, observed& o) {
             o.away = "hostname: web\nlock: create\ntags: steward-g4\n";
             r.digest = sha1_hex(*o.away);
         },
         step::unlock_away},
        {"a single instance keeps its records itself", [](request& r, observed& o) { r.epoch = 0, o.record.reset(); },
         step::unlock_away},
        {"it has no lock any more", [](request&, observed& o) { o.away = ""; }, step::finish},
        {"the original", [](request& r, observed&) { r.target = r.source; }, {errc::invalid, "original"}},
        {"nothing is parked", [](request&, observed& o) { o.parked.reset(); }, {errc::not_found, "101.n2.g4.conf"}},
        {"nobody kept the original",
         [](request&, observed& o) { o.original.reset(); },
         {errc::not_found, "on its way"}},
        {"of another generation", [](request& r, observed&) { r.generation = 5; }, {errc::refused, "guest.101"}},
        {"without a record", [](request&, observed& o) { o.record.reset(); }, {errc::refused, "guest.101"}},
        {"cleaned up elsewhere", [](request& r, observed&) { r.target = node_name("n3"); }, {errc::refused, "n3"}},
        {"in another state",
         [](request&, observed& o) { o.record->replace(o.record->find("cleaning"), 8, "watching"); },
         {errc::refused, "guest.101"}},
        {"only a text says so",
         [](request&, observed& o) {
             o.record = R"({"reason":"\"state\":\"cleaning\",\"claim\":4,\"target\":\"n1\","})";
         },
         {errc::refused, "guest.101"}},
        {"the original is at home", [](request&, observed& o) { o.home = original; }, {errc::exists, "meanwhile"}},
        {"the number is taken", [](request&, observed& o) { o.taken_by = "nodes/n3/lxc"; }, {errc::exists, "nodes/n3"}},
        {"nothing is there", [](request&, observed& o) { o.away.reset(); }, {errc::not_found, "n1"}},
        {"another lock", [](request&, observed& o) { o.away = "lock: backup\n"; }, {errc::locked, "backup"}},
        {"it was changed", [](request&, observed& o) { o.away = stub + "memory: 128\n"; }, {errc::changed, "n1"}},
        {"somebody else's guest",
         [](request& r, observed& o) {
             o.away = "hostname: mine\nlock: create\n";
             r.digest = sha1_hex(*o.away);
         },
         {errc::refused, "no unfinished restore"}},
    };
    for (const row& x : rows) {
        INFO(x.what);
        request r = unlock_of(stub);
        observed seen = left_behind();
        x.change(r, seen);
        const decision d = next_step(r, seen);
        INFO(d.answer.detail);
        CHECK(static_cast<int>(d.what) == static_cast<int>(x.want.next));
        CHECK(d.answer.ok == (x.want.next == step::finish && !x.want.code));
        if (!x.want.code) continue;
        CHECK(d.answer.code == *x.want.code);
        CHECK(d.answer.detail.find(x.want.word) != std::string::npos);
    }
}

TEST_CASE("the words that an unlock looks for are those of a record that is cleaning up") {
    failover::record r;
    r.guest = guest_id(guest_type::ct, vmid(101));
    r.at = failover::phase::cleaning;
    r.claim = 4;
    r.target = node_name("n1");
    observed seen = left_behind();
    seen.record = failover::to_json(r);
    CHECK(next_step(unlock_of(stub), seen).what == step::unlock_away);
    r.at = failover::phase::restoring;
    seen.record = failover::to_json(r);
    CHECK(next_step(unlock_of(stub), seen).answer.code == errc::refused);
    CHECK(record_name(r.guest.id) == failover::record_name(r.guest));
}

TEST_CASE("names of parked configurations say whose they are") {
    const request r = request_for(verb::park);
    CHECK(parked_name(r) == "101.n2.g4.conf");
    CHECK(kept_name(r) == "101.n2.g4.orig");
    const auto parts = parse_parked_name("101.n2.g4.conf");
    REQUIRE(parts);
    CHECK(parts->id == vmid(101));
    CHECK(parts->source.str() == "n2");
    CHECK(parts->generation == 4);
    CHECK(parse_parked_name("101.n2.g4294967295.conf"));
    for (const char* other :
         {"", "101.n2.g4.orig", "101.conf", "101.g4.conf", "101..g4.conf", "x.n2.g4.conf", "101.n2.g.conf",
          "101.n2.gx.conf", "101.n2.g4294967296.conf", "101.-n.g4.conf", "99.n2.g4.conf", "101.n2.4.conf"}) {
        INFO(other);
        CHECK(!parse_parked_name(other));
    }
    CHECK(was_parked({"102.n2.g1.conf", "101.n2.g4.conf"}, vmid(101), node_name("n2")));
    CHECK(!was_parked({"102.n2.g1.conf", "101.n3.g4.conf", "101.n2.g4.orig"}, vmid(101), node_name("n2")));
}
