#include "core/failover/record.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;

namespace {

record full_record() {
    record r;
    r.guest = guest_id(guest_type::vm, vmid(200));
    r.sequence = 42;
    r.epoch = 7;
    r.at = phase::restoring;
    r.since = wall_time(std::chrono::seconds(1'800'000'000));
    r.reason = "restoring on \"n2\"";
    r.seen_up = true;
    r.generation = 3;
    r.claim = 4;
    r.restarts = {r.since};
    r.failovers = {r.since};
    r.ordered = true;
    r.asked.to = node_name("n2");
    r.asked.force = true;
    plan p;
    p.source = node_name("n1");
    p.digest = std::string(40, 'b');
    p.targets = {node_name("n2"), node_name("n3")};
    p.storage = storage_id("local-lvm");
    p.tags = {"web"};
    model::backup b;
    b.guest = r.guest;
    b.volume = volid("pbs:backup/vm/200/2026-11-20T19:55:43Z");
    b.created = r.since;
    b.bytes = 12345;
    p.archive = b;
    r.chosen = p;
    r.target = node_name("n2");
    r.tried = {"n3: storage full"};
    r.attempt_since = r.since;
    r.held = hold{"quorum", "the cluster has no quorum", "quorum is back", r.since + std::chrono::hours(1)};
    r.proof = "promise";
    r.operation_done = true;
    r.parked_path = "priv/steward/parked/200.n1.g4.conf";
    r.task = "UPID:n2:000007A0:0003EEAE:6B00A5C6:qmrestore:200:steward@pve!failover:";
    r.story = {{phase::claimed, r.since, std::chrono::milliseconds(12), "why"}};
    return r;
}

/// Nothing of what may be missing is there.
record relocation_from_a_dead_node() {
    record r = full_record();
    r.held.reset();
    r.asked.to.reset();
    r.chosen->how = strategy::relocate;
    r.chosen->archive.reset();
    r.chosen->is_source_gone = true;
    r.chosen->source_boot = "3f1c";
    return r;
}

/// The text of a record with something in it replaced.
std::string replaced(const record& r, const std::string& what, const std::string& with) {
    std::string text = to_json(r);
    REQUIRE(text.find(what) != std::string::npos);
    return text.replace(text.find(what), what.size(), with);
}

}  // namespace

TEST_CASE("a record survives being written and read") {
    const record r = full_record();
    const std::string text = to_json(r);
    const auto back = parse_record(text);
    REQUIRE(back);
    CHECK(to_json(*back) == text);
    CHECK(back->chosen->archive->volume == r.chosen->archive->volume);
    CHECK(back->chosen->archive->guest == r.guest);
    CHECK_FALSE(back->chosen->is_source_gone);
    CHECK(back->asked.to == r.asked.to);
    CHECK(back->held->until == r.held->until);
    CHECK(back->story.front().took == r.story.front().took);
}

TEST_CASE("what is not there is not there afterwards") {
    const record r = relocation_from_a_dead_node();
    const std::string text = to_json(r);
    const auto back = parse_record(text);
    REQUIRE(back);
    CHECK(to_json(*back) == text);
    CHECK(back->chosen->how == strategy::relocate);
    CHECK(back->chosen->is_source_gone);
    CHECK(back->chosen->source_boot == "3f1c");
    CHECK_FALSE(back->chosen->archive);
    CHECK_FALSE(back->held);
    CHECK_FALSE(back->asked.to);
}

TEST_CASE("what has another type than ours is read as if it were missing") {
    const record r = full_record();
    const auto read = [&](const std::string& what, const std::string& with) {
        const auto back = parse_record(replaced(r, what, with));
        REQUIRE(back);
        return *back;
    };
    CHECK(read("\"seq\":42", "\"seq\":\"42\"").sequence == 0);
    CHECK(read("\"seq\":42", "\"sec\":42").sequence == 0);
    CHECK(read("\"epoch\":7", "\"epoch\":9223372036854775808").epoch == 9223372036854775808U);
    CHECK(read("\"proof\":\"promise\"", "\"proof\":7").proof.empty());
    CHECK(read("\"proof\":\"promise\"", "\"prove\":\"promise\"").proof.empty());
    CHECK_FALSE(read("\"seen_up\":true", "\"seen_up\":1").seen_up);
    CHECK_FALSE(read("\"seen_up\":true", "\"saw_up\":true").seen_up);
    CHECK_FALSE(read("\"hold\":{", "\"hold\":1,\"held\":{").held);
    CHECK(read("\"tried\":[", "\"tried\":[7,").tried == r.tried);
    CHECK(read("\"tried\":[", "\"tried\":7,\"tries\":[").tried.empty());
    CHECK(read("\"tried\":[", "\"tries\":[").tried.empty());
    CHECK(read("\"restarts\":[", "\"restarts\":[\"x\",").restarts == r.restarts);
    CHECK(read("\"story\":[", "\"story\":[7,").story.size() == 1);
}

TEST_CASE("as much is kept as there is room for: all to the last byte, then the newest lines, then the shorter ones") {
    record r = full_record();
    const auto filled = [&](std::size_t size) {
        r.task.clear();
        r.task.resize(size - to_json(r).size(), 'u');
        return to_json(r);
    };
    SECTION("all of it") {
        r.story.push_back(r.story.front());
        CHECK(filled(4096).size() == 4096);
        CHECK(parse_record(to_json(r))->story.size() == 2);
        r.task += 'u';
        CHECK(parse_record(to_json(r))->story.empty());  // shorter texts make no room here
    }
    SECTION("eight lines whole rather than more of them cut, but no fewer") {
        r.story.assign(9, {phase::restoring, r.since, {}, std::string(100, 'x')});
        const std::size_t line =
            100 + std::string(R"({"at":"restoring","when":1800000000,"took_ms":0,"note":""},)").size();
        r.task.assign(r.task.size() + 4096 - (to_json(r).size() - line), 'u');
        const auto eight = parse_record(to_json(r));
        CHECK(eight->story.size() == 8);
        CHECK(eight->story.front().note.size() == 100);
        r.task += 'u';
        const auto nine = parse_record(to_json(r));
        CHECK(nine->story.size() == 9);
        CHECK(nine->story.front().note.size() == 60);
    }
}

TEST_CASE("a record never exceeds 4 KiB, and keeps what matters when it is cut") {
    record r = full_record();
    for (int i = 0; i < 200; ++i) r.story.push_back({phase::restoring, r.since, {}, std::string(300, 'x')});
    for (int i = 0; i < 5; ++i) r.tried.push_back("n9: " + std::string(500, 'y'));
    r.reason = std::string(2000, 'z');
    const std::string text = to_json(r);
    CHECK(text.size() <= 4096);
    const auto back = parse_record(text);
    REQUIRE(back);
    CHECK(back->task == r.task);
    CHECK(back->parked_path == r.parked_path);
    CHECK(back->chosen->digest == r.chosen->digest);
    CHECK_FALSE(back->story.empty());
}

TEST_CASE("what is not a record of ours is refused") {
    const std::string good = to_json(full_record());
    REQUIRE(parse_record(good));
    const auto with = [&](const char* what, const char* instead) { return replaced(full_record(), what, instead); };
    for (const std::string& bad : {std::string(), std::string("{"), std::string("[]"), good.substr(0, good.size() / 2),
                                   with("\"format\":1", "\"format\":0"), with("restoring\"", "dancing\""),
                                   with("vm/200", "host/200"), with("\"plan\":{", "\"plam\":{")}) {
        DYNAMIC_SECTION("refused: " << bad.substr(0, 40) << " (" << bad.size() << " bytes)") {
            const auto read = parse_record(bad);
            REQUIRE_FALSE(read);
            CHECK(read.error().code == errc::garbage);
        }
    }
}

TEST_CASE("a guest that is not being handed over needs no plan, one that is does") {
    record r = full_record();
    r.chosen.reset();
    r.at = phase::watching;
    REQUIRE(parse_record(to_json(r)));
    CHECK_FALSE(parse_record(to_json(r))->chosen);
    r.at = phase::restoring;
    CHECK_FALSE(parse_record(to_json(r)));
}

TEST_CASE("a record of a newer program is told apart from rubbish") {
    std::string text = to_json(full_record());
    text.replace(text.find("\"format\":1"), 10, "\"format\":2");
    const auto read = parse_record(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::unsupported);
}
