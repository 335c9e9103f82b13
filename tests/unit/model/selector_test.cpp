#include "model/selector.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::model;

namespace {

guest_row guest(guest_type type, std::uint32_t id, const char* node, const char* name, const char* pool,
                std::vector<std::string> tags) {
    guest_row g;
    g.id = guest_id(type, vmid(id));
    g.node = node_name(node);
    g.name = name;
    g.pool = pool;
    g.tags = std::move(tags);
    return g;
}

cluster_view some_cluster() {
    cluster_view view;
    for (guest_row g :
         {guest(guest_type::ct, 101, "n1", "web-1", "prod", {"backup", "web"}),
          guest(guest_type::ct, 102, "n2", "web-2", "", {"web"}), guest(guest_type::vm, 105, "n2", "db", "prod", {}),
          guest(guest_type::vm, 200, "n-3", "WEB-old", "test-1", {"web-x"})})
        view.guests.emplace(g.id, std::move(g));
    return view;
}

/// "101 105"
std::string chosen(const selector& s) {
    std::string all;
    for (const auto& [id, row] : some_cluster().guests)
        if (s.selects(row)) all += (all.empty() ? "" : " ") + to_string(id.id);
    return all;
}

}  // namespace

TEST_CASE("a selector means these guests") {
    struct row {
        std::vector<std::string> words;
        const char* guests;
    };
    const row rows[] = {
        {{"ct/101"}, "101"},
        {{"lxc/101"}, "101"},
        {{"vm/101"}, ""},
        {{"105"}, "105"},
        {{"100-110"}, "101 102 105"},
        {{"102-102"}, "102"},
        {{"@all"}, "101 102 105 200"},
        {{"@tag-web"}, "101 102"},
        {{"@tag-WEB"}, "101 102"},
        {{"@tag-web-x"}, "200"},
        {{"@pool-prod"}, "101 105"},
        {{"@pool-test-1"}, "200"},
        {{"@node-n2"}, "102 105"},
        {{"@node-n-3"}, "200"},
        {{"web-*"}, "101 102 200"},
        {{"web-?"}, "101 102"},
        {{"db"}, "105"},
        {{"d"}, ""},
        {{"*"}, "101 102 105 200"},
        {{"*-*l*"}, "200"},
        {{"ct/101", "db"}, "101 105"},
        {{"ct/101,db"}, "101 105"},
        {{" ct/101 , db,"}, "101 105"},
        {{"@all", "-@tag-web"}, "105 200"},
        {{"-@tag-web", "@all"}, "105 200"},
        {{"-ct/101"}, "102 105 200"},
        {{"-100-102", "-db"}, "200"},
        {{"100-110", "-102"}, "101 105"},
    };
    for (const row& r : rows) {
        INFO(r.words.front() << (r.words.size() > 1 ? " " + r.words[1] : ""));
        const auto s = parse_selector(r.words);
        REQUIRE(s);
        CHECK(chosen(*s) == r.guests);
    }
}

TEST_CASE("a selector that cannot be meant is refused, with the word") {
    struct row {
        std::vector<std::string> words;
        const char* why;
    };
    const row rows[] = {
        {{}, "names no guest"},
        {{" , "}, "names no guest"},
        {{"-"}, "names no guest"},
        {{"99"}, "is no vmid"},
        {{"1000000000"}, "is no vmid"},
        {{"110-100"}, "ends before it begins"},
        {{"ct/5"}, "ct/5"},
        {{"ct/x"}, "ct/x"},
        {{"@web"}, "@tag-NAME"},
        {{"@tag-"}, "@tag-NAME"},
        {{"@color-red"}, "@tag-NAME"},
        {{"@node--x"}, "@node--x"},
        {{"web", "@"}, "@tag-NAME"},
    };
    for (const row& r : rows) {
        INFO(r.why);
        const auto s = parse_selector(r.words);
        REQUIRE_FALSE(s);
        CHECK(s.error().code == errc::invalid);
        CHECK(s.error().text().find(r.why) != std::string::npos);
    }
}

TEST_CASE("a word that speaks of nobody is found, also one that takes away") {
    struct row {
        std::vector<std::string> words;
        const char* idle;
    };
    const row rows[] = {
        {{"@all"}, ""},
        {{"ct/101", "ct/999"}, "ct/999"},
        {{"@all", "-@tag-nothing"}, "@tag-nothing"},
        {{"wbe-*"}, "wbe-*"},
    };
    for (const row& r : rows) {
        const auto s = parse_selector(r.words);
        REQUIRE(s);
        CHECK(s->idle_word(some_cluster()) == r.idle);
    }
}

TEST_CASE("a glob with many stars is decided in no time") {
    const std::string text(5000, 'a');
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += "*a";
    CHECK(matches_glob(pattern + "*", text));
    CHECK_FALSE(matches_glob(pattern + "b", text));
    CHECK(matches_glob("", ""));
    CHECK_FALSE(matches_glob("", "a"));
    CHECK(matches_glob("**", ""));
}
