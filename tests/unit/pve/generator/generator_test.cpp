#include "pve/generator/emit.hpp"
#include "pve/generator/names.hpp"
#include "pve/generator/plan.hpp"
#include "pve/schema/facts_text.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;
using generator::branch_name;
using generator::branch_plan;

namespace {

constexpr const char* facts = R"(/access/users
  GET index
    returns array
      [] object open
        userid string format=pve-userid
  POST create_user protected
    name string
    count? integer min=0
/access/users/{userid}
  DELETE delete_user protected
    userid string format=pve-userid
/nodes
  GET index
    returns array
      [] object open
        node string
/nodes/{node}/thing
  GET read protected proxied
    node string format=pve-node
    returns object open
      invalid-name? string
      invalid.name2? string
      123invalid? string
      class? string
      numa? boolean
      numa[n]? string count=8
  POST make proxied
    node string format=pve-node
    forceStop? boolean since=8.1
    kind string enum=a|b-c|802.1q
    net[n]? string count=4
      model string enum=e1000|virtio default_key
      mac? string format=mac-addr
    nodes? string format=pve-node-list
    delete? array
      [] string
    size? number min=0.5 until=8.4
    returns string
)";

branch_name branch(std::string name, std::string root) {
    branch_name b;
    b.name = std::move(name);
    b.root = std::move(root);
    return b;
}

std::vector<branch_plan> plan_of(const char* text) {
    static std::vector<std::vector<schema::method>> kept;  // plans point into them
    auto methods = schema::parse_facts(text);
    REQUIRE(methods);
    kept.push_back(std::move(*methods));
    auto plan = generator::make_plan(kept.back(), {branch("start", "/"), branch("nodes", "/nodes")});
    if (!plan) FAIL(plan.error().text());
    return std::move(*plan);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("names of the wire become names of C++ by one rule (T003-35)") {
    struct row {
        const char* wire;
        const char* cpp;
    };
    const row rows[] = {
        {"valid_name", "valid_name"},
        {"invalid-name", "invalid_name"},
        {"invalid.name", "invalid_name"},
        {"123invalid", "n123invalid"},
        {"class", "class_"},
        {"delete", "delete_"},
        {"forceStop", "force_stop"},
        {"CSRFPreventionToken", "csrfprevention_token"},
        {"layer2+3", "layer2_3"},
        {"802.1q", "n802_1q"},
        {"", "empty"},
    };
    for (const row& r : rows) CHECK(generator::identifier(r.wire) == r.cpp);
}

TEST_CASE("places are named by their path, so that a schema that grows renames nothing (T003-19 to 23, 36)") {
    CHECK(generator::place_name("") == "");
    CHECK(generator::place_name("/status/start") == "status_start");
    CHECK(generator::place_name("/{vmid}") == "item");
    CHECK(generator::place_name("/{vmid}/config") == "config");
    CHECK(generator::place_name("/{vmid}/snapshot/{snapname}") == "snapshot_item");
    CHECK(generator::place_name("/groups/{group}/{pos}") == "groups_item_item");
}

TEST_CASE("verbs, children, requests and results of a small schema (T003-24 to 34, 37, 39, 40)") {
    const auto plan = plan_of(facts);
    const std::string start = header_of(plan[0], plan);
    const std::string nodes = header_of(plan[1], plan);
    INFO(start << nodes);
    // The tree, with a collection's items and what another branch describes.
    CHECK(has(start, "start::access_users_handle users() const"));
    CHECK(has(start, "start::access_users_item_handle users(std::string id) const"));
    CHECK(has(start, "nodes::handle nodes() const;"));
    CHECK(has(start, "nodes::item_handle nodes(path_value<node_name> id) const;"));
    CHECK(has(start, "result<std::vector<start::access_users_get_row>>, Executor> get()"));
    CHECK(has(start, "create(const start::access_users_create_request& p) const"));
    CHECK(has(start, "remove() const"));
    // Required in the constructor, optional ones unset, bounds as a remark.
    CHECK(has(start, "access_users_create_request(std::string name_given)"));
    CHECK(has(start, "std::optional<std::int64_t> count;  ///< at least 0"));
    CHECK(has(nodes, "result<nodes::thing_get_result>"));
    CHECK(has(nodes, "result<steward::upid>, Executor> create("));
    CHECK(has(nodes, "choice<nodes::kind_choice> kind;"));
    CHECK(has(nodes, "    a,\n    b_c,\n    n802_1q,\n"));
    CHECK(has(nodes, "std::map<unsigned, nodes::net_value> net;"));
    CHECK(has(nodes, "std::vector<node_name> nodes;"));
    CHECK(has(nodes, "std::vector<std::string> delete_;"));
    CHECK(has(nodes, "std::optional<bool> force_stop;  ///< since 8.1"));
    CHECK(has(nodes, "std::optional<double> size;  ///< at least 0.5; until 8.4"));
    CHECK(has(nodes, "std::map<unsigned, std::string> numa_n;"));
    CHECK_FALSE(has(nodes, "node_given"));  // what the path says is not said twice
    // The wire's spelling is kept, not derived.
    const std::string source = source_of(plan[1], plan);
    CHECK(has(source, "(\"forceStop\", offsetof(self, force_stop))"));
    CHECK(has(source, "(\"invalid.name2\", offsetof(self, invalid_name2))"));
    // No JSON, Asio or Beast in a header.
    CHECK_FALSE(has(start + nodes, "#include <boost"));
}

TEST_CASE("the same facts give the same bytes") {
    const auto once = plan_of(facts);
    const auto again = plan_of(facts);
    for (std::size_t i = 0; i < once.size(); ++i) {
        CHECK(header_of(once[i], once) == header_of(again[i], again));
        CHECK(source_of(once[i], once) == source_of(again[i], again));
    }
    CHECK(registry_of(once) == registry_of(again));
}

TEST_CASE("two names that would be one are an error that names them") {
    const auto methods = schema::parse_facts("/nodes\n  POST make\n    a-b string\n    a_b string\n");
    REQUIRE(methods);
    const auto plan = generator::make_plan(*methods, {branch("start", "/"), branch("nodes", "/nodes")});
    REQUIRE_FALSE(plan);
    CHECK(has(plan.error().text(), "create_request.a_b"));
}
