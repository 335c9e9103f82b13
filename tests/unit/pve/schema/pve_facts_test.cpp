#include "pve/schema/facts_text.hpp"
#include "pve/schema/tool/merge.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

using namespace steward;
using namespace steward::pve::schema;

namespace {

std::string file_text() {
    std::ifstream in(STEWARD_PVE_FACTS, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    REQUIRE(in);
    return std::move(text).str();
}

const std::vector<method>& facts() {
    static const std::vector<method> read = [] {
        auto parsed = parse_facts(file_text());
        if (!parsed) FAIL(parsed.error().text());
        return std::move(*parsed);
    }();
    return read;
}

const method& find(std::string_view verb, std::string_view path) {
    for (const method& one : facts())
        if (one.verb == verb && one.path == path) return one;
    FAIL("no " << verb << " " << path);
    return facts().front();
}

std::size_t count_parameters(const std::vector<method>& of) {
    std::size_t count = 0;
    for (const method& one : of) {
        std::set<std::pair<std::string, bool>> names;  // alternatives of one name are one parameter
        for (const value& parameter : one.parameters) names.emplace(parameter.name, parameter.is_indexed);
        count += names.size();
    }
    return count;
}

/// Neighbours of one name have disjoint ranges, unless another parameter decides which of them is meant.
void check_neighbours(const std::string& where, const std::vector<value>& of) {
    for (std::size_t a = 0; a < of.size(); ++a) {
        for (std::size_t b = a + 1; b < of.size(); ++b) {
            if (of[a].name != of[b].name || of[a].is_indexed != of[b].is_indexed) continue;
            if (!of[a].only_for.empty() && !of[b].only_for.empty()) continue;
            INFO(where << " " << of[a].name);
            CHECK(of[a].when.until.is_known());
            CHECK(of[a].when.until < of[b].when.since);
        }
    }
    for (const value& one : of) {
        if (one.when.since.is_known() && one.when.until.is_known()) CHECK(one.when.since <= one.when.until);
        check_neighbours(where + " " + one.name, one.members);
    }
}

}  // namespace

TEST_CASE("pve.facts is as the printer prints it") { CHECK(print_facts(facts()) == file_text()); }

TEST_CASE("pve.facts has every method and parameter of each release") {
    struct row {
        version at;
        std::size_t methods;
        std::size_t parameters;
    };
    // Dumps of 7.4, 8.4, 9.1 and 9.2 were counted (9.2: and four parameters of paths that it does not declare), the
    // methods of the others follow from evolution.json. Zero: nobody counted.
    const row rows[] = {
        {{7, 4}, 540, 2478}, {{8, 0}, 549, 0}, {{8, 1}, 583, 0},    {{8, 2}, 586, 0},        {{8, 3}, 600, 0},
        {{8, 4}, 605, 2766}, {{9, 0}, 628, 0}, {{9, 1}, 649, 2965}, {{9, 2}, 675, 3090 + 4},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(to_string(r.at)) {
            const auto then = facts_at(facts(), r.at);
            CHECK(then.size() == r.methods);
            if (r.parameters != 0) CHECK(count_parameters(then) == r.parameters);
            for (const method& one : then) {
                INFO(one.verb << " " << one.path);
                CHECK(one.permissions.size() == 1);
                CHECK(one.returns.size() <= 1);
                for (const std::string& name : path_parameters(one.path)) {
                    const auto found = find_values(one.parameters, name, {});
                    REQUIRE(found.size() == 1);
                    CHECK_FALSE(found.front()->is_optional);
                }
            }
        }
    }
}

TEST_CASE("in pve.facts one name means one thing at a time") {
    std::set<std::string> seen;
    for (const method& one : facts()) {
        CHECK(seen.insert(one.verb + " " + one.path).second);
        check_neighbours(one.verb + " " + one.path, one.parameters);
        check_neighbours(one.verb + " " + one.path, one.returns);
    }
    CHECK(newest_in(facts()) == version(9, 2));
}

TEST_CASE("pve.facts knows the odd ones") {
    const method& create = find("POST", "/nodes/{node}/qemu");
    SECTION("memory became a property string in 8.1") {
        const auto then = find_values(create.parameters, "memory", {8, 0});
        REQUIRE(then.size() == 1);
        CHECK(then.front()->type == value_type::integer);
        const auto now = find_values(create.parameters, "memory", {8, 1});
        REQUIRE(now.size() == 1);
        CHECK(now.front()->is_property_string());
        CHECK(now.front()->members.front().is_default_key);
    }
    SECTION("numa is a boolean, numa3 a property string") {
        unsigned index = 0;
        CHECK(find_values(create.parameters, "numa", {9, 2}).front()->type == value_type::boolean);
        const auto third = find_values(create.parameters, "numa3", {9, 2}, &index);
        REQUIRE(third.size() == 1);
        CHECK(third.front()->is_property_string());
        CHECK(third.front()->index_count == 8);
        CHECK(index == 3);
    }
    SECTION("the models of a net are names for its MAC") {
        const auto net = find_values(create.parameters, "net0", {7, 4});
        REQUIRE(net.size() == 1);
        const auto model = find_values(net.front()->members, "virtio", {7, 4});
        REQUIRE(model.size() == 1);
        CHECK(model.front()->alias == "macaddr");
        CHECK(model.front()->key_alias == "model");
    }
    SECTION("what lived between two dumps") {
        CHECK(find_values(create.parameters, "running-nets-host-mtu", {8, 4}).empty());
        CHECK(find_values(create.parameters, "running-nets-host-mtu", {9, 0}).size() == 1);
        CHECK(find_values(create.parameters, "running-nets-host-mtu", {9, 1}).empty());
    }
    SECTION("a vmid below 100 until 7.4") {
        CHECK(find_values(create.parameters, "vmid", {7, 4}).front()->minimum == 1);
        CHECK(find_values(create.parameters, "vmid", {8, 0}).front()->minimum == 100);
    }
    SECTION("a renamed parameter of a path is one method") {
        const method& device = find("GET", "/nodes/{node}/hardware/pci/{pci-id-or-mapping}");
        CHECK_FALSE(device.when.since.is_known());
        CHECK(find_values(device.parameters, "pci-id-or-mapping", {7, 4}).front()->pattern !=
              find_values(device.parameters, "pci-id-or-mapping", {8, 3}).front()->pattern);
    }
    SECTION("a removed method is kept") {
        CHECK(find("GET", "/nodes/{node}/scan/glusterfs").when.until == version(8, 4));
        CHECK(find("POST", "/access/tfa").when.until == version(7, 4));
    }
    SECTION("what a fabric's protocol decides") {
        const method& update = find("PUT", "/cluster/sdn/fabrics/fabric/{id}");
        const auto unset = find_values(update.parameters, "delete", {9, 2});
        CHECK(unset.size() == 4);
        for (const value* one : unset) {
            CHECK(one->is_optional);
            CHECK(one->type_property == "protocol");
        }
    }
    SECTION("a parameter of a path that the dump forgot") {
        const method& entry = find("PUT", "/cluster/sdn/prefix-lists/{id}/entries/{url_seq}");
        CHECK(find_values(entry.parameters, "url_seq", {9, 2}).front()->type == value_type::string);
    }
    SECTION("tickets are not for tokens, downloads are not JSON") {
        CHECK_FALSE(find("POST", "/access/ticket").allows_token);
        CHECK(find("GET", "/nodes/{node}/tasks/{upid}/log").is_download);
        CHECK(find("POST", "/access/ticket").permissions.front().rule == "world");
    }
}
