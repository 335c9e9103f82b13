#include "pve/schema/pattern.hpp"

#include "pve/schema/all_facts.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace steward::pve::schema;

TEST_CASE("patterns are Perl's") {
    struct row {
        const char* pattern;
        const char* text;
        bool fits;
    };
    const row rows[] = {
        {"a|b", "b", true},
        {"a|b", "bc", false},  // the whole text, also with an alternative at the top
        {"(?^i:[a-z]+)", "ABC", true},
        {"(?^:[a-z]+)", "ABC", false},
        {"(?^i:a(?^:b))", "AB", false},  // the inner flags are reset
        {"(?^u:[+-]\\w+)", "+aes", true},
        {"[a-z\\s]{,3}", "", true},
        {"[a-z\\s]{,3}", "abcd", false},
        {"(?^:^(0x)[0-9a-f]{2})", "0xff", true},
        {"(?^:^((?>[+-]?[\\w\\-\\._=]+,?)+)$)", "host,+aes", true},
        {"(?^:\\w+=x(?:\\0\\w+=x)*)", "a=x", true},
        {"a.b", "a\nb", false},
        {"^a$", "a\n", false},
    };
    for (const row& r : rows) DYNAMIC_SECTION(r.pattern << " " << r.text) {
            CHECK(matches(r.pattern, r.text) == r.fits);
        }
    CHECK(matches("(unclosed", "x"));  // only the server can decide
    CHECK_FALSE(is_usable_pattern("(unclosed"));
}

TEST_CASE("no text makes a pattern run away") {
    CHECK_FALSE(matches("(a+)+b", std::string(5000, 'a')));
    CHECK_FALSE(matches("((a|aa)+)+c", std::string(60000, 'a')));
    CHECK_FALSE(matches("a*", std::string(longest_matched + 1, 'a')));
    CHECK(matches("a*", std::string(longest_matched, 'a')));
}

TEST_CASE("every pattern of the schema compiles") {
    const std::function<void(const std::vector<value>&)> visit = [&](const std::vector<value>& values) {
        for (const value& v : values) {
            if (!v.pattern.empty() && !is_usable_pattern(v.pattern)) FAIL_CHECK(v.pattern);
            visit(v.members);
            visit(v.rest);
        }
    };
    std::size_t count = 0;
    for (const method& one : catalogue_of_everything().methods()) {
        visit(one.parameters);
        visit(one.returns);
        ++count;
    }
    CHECK(count > 675);
}
