#include "core/failover/record.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;

namespace {

record full_record() {
    record r;
    r.guest = guest_id(guest_type::vm, vmid(200));
    r.sequence = 42;
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
    r.parked_path = "priv/steward/parked/200.n1.g4.conf";
    r.task = "UPID:n2:000007A0:0003EEAE:6B00A5C6:qmrestore:200:steward@pve!failover:";
    r.story = {{phase::claimed, r.since, std::chrono::milliseconds(12), "why"}};
    return r;
}

}  // namespace

TEST_CASE("a record survives being written and read") {
    const record r = full_record();
    const std::string text = to_json(r);
    const auto back = parse_record(text);
    REQUIRE(back);
    CHECK(to_json(*back) == text);
    CHECK(back->chosen->archive->volume == r.chosen->archive->volume);
    CHECK(back->asked.to == r.asked.to);
    CHECK(back->story.front().took == r.story.front().took);
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
    const auto replaced = [&](const std::string& what, const std::string& with) {
        std::string text = good;
        text.replace(text.find(what), what.size(), with);
        return text;
    };
    for (const std::string& bad : {std::string(), std::string("{"), std::string("[]"), good.substr(0, good.size() / 2),
                                   replaced("\"format\":1", "\"format\":0"), replaced("restoring\"", "dancing\""),
                                   replaced("vm/200", "host/200"), replaced("\"plan\":{", "\"plam\":{")}) {
        DYNAMIC_SECTION("refused: " << bad.substr(0, 40) << " (" << bad.size() << " bytes)") {
            CHECK_FALSE(parse_record(bad));
        }
    }
}

TEST_CASE("a record of a newer program is told apart from rubbish") {
    std::string text = to_json(full_record());
    text.replace(text.find("\"format\":1"), 10, "\"format\":2");
    const auto read = parse_record(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::unsupported);
}
