#include "base/guard_frames.hpp"

#include <catch2/catch.hpp>

using namespace steward;

namespace {
const std::string digest(40, 'a');
}

TEST_CASE("guard requests and replies survive the wire") {
    guard::request r;
    r.what = guard::verb::relocate;
    r.guest = guest_id(guest_type::vm, vmid(200));
    r.source = node_name("n2");
    r.target = node_name("n1");
    r.generation = 7;
    r.digest = digest;
    const auto back = guard::decode_request(guard::encode(r));
    REQUIRE(back);
    CHECK(back->what == guard::verb::relocate);
    CHECK(to_string(back->guest) == "vm/200");
    CHECK(back->target.str() == "n1");
    CHECK(back->generation == 7);
    CHECK(back->digest == digest);
    CHECK_FALSE(back->is_source_gone);
    r.is_source_gone = true;
    CHECK(guard::decode_request(guard::encode(r))->is_source_gone);

    guard::reply no;
    no.code = errc::changed;
    no.detail = "two\nlines";
    const auto answer = guard::decode_reply(guard::encode(no));
    REQUIRE(answer);
    CHECK_FALSE(answer->ok);
    CHECK(answer->code == errc::changed);
    CHECK(answer->detail == "two lines");
}

TEST_CASE("an unlock names what it changes, and what was seen there") {
    const std::string good =
        "verb=unlock\nepoch=3\nguest=ct/102\nsource=n2\ngeneration=2\ntarget=n1\ndigest=" + digest + "\n";
    const auto r = guard::decode_request(good);
    REQUIRE(r);
    CHECK(r->what == guard::verb::unlock);
    CHECK(r->source.str() == "n2");
    CHECK(r->target.str() == "n1");
    CHECK(guard::encode(*r) == good);
    CHECK(guard::is_change(r->what));
    for (const char* needed : {"guest=ct/102\n", "source=n2\n", "target=n1\n"}) {
        std::string bad = good;
        bad.erase(bad.find(needed), std::string(needed).size());
        INFO(needed);
        CHECK_FALSE(guard::decode_request(bad));
    }
    CHECK_FALSE(guard::decode_request(good.substr(0, good.find("digest="))));
}

TEST_CASE("a check needs no guest") {
    guard::request r;
    r.what = guard::verb::check;
    const auto back = guard::decode_request(guard::encode(r));
    REQUIRE(back);
    CHECK(back->what == guard::verb::check);
}

TEST_CASE("malformed guard requests are refused") {
    const std::string good = "verb=park\nguest=ct/101\nsource=n1\ngeneration=1\ndigest=" + digest + "\n";
    REQUIRE(guard::decode_request(good));
    for (const std::string& bad :
         {std::string(), std::string("verb=park"), std::string("verb=destroy\nguest=ct/101\nsource=n1\n"),
          std::string("verb=park\nguest=ct/101\nsource=../../x\ngeneration=1\ndigest=") + digest + "\n",
          std::string("verb=park\nguest=ct/101\nsource=n1\ngeneration=1\n"), good + "extra=1\n", good + "gone=0\n",
          good + "generation=x\n"}) {
        DYNAMIC_SECTION("refused: " << bad) { CHECK_FALSE(guard::decode_request(bad)); }
    }
}

TEST_CASE("frame lengths outside 1..4096 are refused") {
    CHECK(guard::frame_size(guard::frame_header(4096), 4096) == 4096);
    CHECK(guard::frame_size(guard::frame_header(0), 4096) == 0);
    CHECK(guard::frame_size(guard::frame_header(4097), 4096) == 0);
}
