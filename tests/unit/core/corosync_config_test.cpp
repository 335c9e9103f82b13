#include "core/fencing/corosync_config.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::fencing;
using namespace std::chrono_literals;

namespace {

const std::string three_nodes =
    "nodelist {\n node {\n  quorum_votes: 1\n }\n node {\n  quorum_votes: 1\n }\n node {\n  quorum_votes: 1\n }\n}\n";

membership with(const std::string& more) { return parse_corosync(three_nodes + more); }

}  // namespace

TEST_CASE("what counts in a corosync configuration counts in its own section only") {
    CHECK(with("").nodes == 3);
    CHECK(with("").counts_heads);
    struct row {
        const char* text;
        bool two_node, heads, qdevice;
    };
    const row rows[] = {
        {"quorum {\n provider: corosync_votequorum\n}\n", false, true, false},
        {"quorum {\n two_node: 1\n}\n", true, true, false},
        {"quorum {\n two_node: 0\n}\n", false, true, false},
        {"totem {\n two_node: 1\n}\n", false, true, false},
        {"quorum {\n last_man_standing: 1\n}\n", false, false, false},
        {"quorum {\n auto_tie_breaker: 1\n}\n", false, false, false},
        {"quorum {\n expected_votes: 5\n}\n", false, false, false},
        {"quorum {\n auto_tie_breaker: 0\n}\n", false, true, false},
        {"totem {\n auto_tie_breaker: 1\n}\n", false, true, false},
        {"nodelist {\n node {\n  quorum_votes: 2\n }\n}\n", false, false, false},
        {"totem {\n quorum_votes: 2\n}\n", false, true, false},
        {"quorum {\n device {\n  model: net\n }\n}\n", false, true, true},
        {"totem {\n device {\n  model: net\n }\n}\n", false, true, false},
        {"quorum {\n other {\n  model: net\n }\n}\n", false, true, false},
        {"quorum {\n device {\n  heuristics {\n   two_node: 1\n  }\n }\n}\n", false, true, true},
        {"a {\n quorum {\n  device {\n  }\n }\n}\n", false, true, false},
        {"device {\n}\n", false, true, false},
        {"totem {\n device {\n }\n}\nquorum {\n}\n", false, true, false},
        {"# quorum {\nquorum {\n# two_node: 1\n\n}\n}\n}\n", false, true, false},
        {"quorum {\n two_node\n}\n", false, true, false},
    };
    for (const row& r : rows) {
        INFO(r.text);
        const membership m = with(r.text);
        CHECK(m.is_two_node == r.two_node);
        CHECK(m.counts_heads == r.heads);
        CHECK(m.has_qdevice == r.qdevice);
    }
    CHECK(parse_corosync("a {\n node {\n }\n}\nnode {\n}\nnodelist {\n other {\n }\n b {\n  node {\n  }\n }\n}\n")
              .nodes == 0);
    CHECK(parse_corosync("nodelist {\n node {\n }").nodes == 1);
}

TEST_CASE("the times of the token are read where they stand, and nonsense is not") {
    const membership plain = with("");
    struct row {
        const char* text;
        duration token, coefficient;
    };
    const row rows[] = {
        {"totem {\n token: 1000\n token_coefficient: 125\n}\n", 1s, 125ms},
        {"totem {\n token: 3600000\n}\n", 3600s, plain.coefficient},
        {"totem {\n token: 3600001\n}\n", plain.token, plain.coefficient},
        {"totem {\n token_coefficient: 0\n}\n", plain.token, 0ms},
        {"totem {\n token: soon\n}\n", plain.token, plain.coefficient},
        {"quorum {\n token: 1000\n token_coefficient: 125\n}\n", plain.token, plain.coefficient},
        {"totem {\n other: 1000\n}\n", plain.token, plain.coefficient},
        {"token: 1000\n", plain.token, plain.coefficient},
    };
    for (const row& r : rows) {
        INFO(r.text);
        CHECK(with(r.text).token == r.token);
        CHECK(with(r.text).coefficient == r.coefficient);
    }
}

TEST_CASE("a majority is forced when no more than half of the nodes are online, where heads decide") {
    membership m = with("");
    CHECK(is_forced(m, 1));
    CHECK_FALSE(is_forced(m, 2));
    CHECK_FALSE(is_forced(m, std::nullopt));
    m.nodes = 4;
    CHECK(is_forced(m, 2));
    CHECK_FALSE(is_forced(m, 3));
    m.nodes = 2;
    CHECK(is_forced(m, 1));
    m.nodes = 1;
    CHECK_FALSE(is_forced(m, 0));
    for (bool membership::*exception : {&membership::has_qdevice, &membership::is_two_node}) {
        membership other = with("");
        other.*exception = true;
        CHECK_FALSE(is_forced(other, 1));
    }
    membership votes = with("");
    votes.counts_heads = false;
    CHECK_FALSE(is_forced(votes, 1));
}

TEST_CASE("who is online is counted; a list that names nobody says nothing") {
    CHECK(online_nodes(R"({"nodelist":{"n1":{"id":1,"online":1},"n2":{"id":2,"online": 0},"n3":{"online" : 1}}})") ==
          2);
    CHECK(online_nodes(R"({"nodelist":{"n1":{"online":0}}})") == 0);
    CHECK_FALSE(online_nodes("{}"));
    CHECK_FALSE(online_nodes(""));
    CHECK_FALSE(online_nodes("\"online\""));
}
