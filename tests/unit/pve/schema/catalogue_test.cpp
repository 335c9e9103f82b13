#include "pve/schema/catalogue.hpp"

#include "pve/schema/all_facts.hpp"
#include "pve/schema/facts_text.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve::schema;

namespace {

/// "GET /nodes/{node} node=n1", or "none".
std::string found(const catalogue& in, const char* verb, const char* path, version connected = {}) {
    const auto call = in.find(verb, path, connected);
    if (!call) return "none";
    std::string text = call->what->verb + " " + call->what->path;
    for (const auto& [name, value] : call->path) text += " " + name + "=" + value;
    return text;
}

catalogue read(const char* facts) {
    auto methods = parse_facts(facts);
    if (!methods) FAIL(methods.error().text());
    return catalogue(std::move(*methods));
}

std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : " ") + name;
    return all;
}

}  // namespace

TEST_CASE("a call is found by its concrete path") {
    struct row {
        const char* name;
        const char* verb;
        const char* path;
        const char* call;
    };
    const row rows[] = {
        {"fixed words", "GET", "/cluster/resources", "GET /cluster/resources"},
        {"a final slash", "GET", "/cluster/resources/", "GET /cluster/resources"},
        {"placeholders", "PUT", "/nodes/n1/lxc/101/config", "PUT /nodes/{node}/lxc/{vmid}/config node=n1 vmid=101"},
        {"words win over placeholders", "GET", "/nodes/n1/qemu", "GET /nodes/{node}/qemu node=n1"},
        {"a value with a slash as it is", "GET", "/nodes/n1/storage/local/content/local:backup/a.zst",
         "GET /nodes/{node}/storage/{storage}/content/{volume} node=n1 storage=local volume=local:backup/a.zst"},
        {"and encoded", "DELETE", "/cluster/firewall/ipset/bl/10.0.0.0%2F24",
         "DELETE /cluster/firewall/ipset/{name}/{cidr} name=bl cidr=10.0.0.0/24"},
        {"an encoded slash elsewhere separates", "GET", "/nodes/n1%2Fstatus", "GET /nodes/{node}/status node=n1"},
        {"UPIDs", "GET", "/nodes/n1/tasks/UPID%3An1%3A00000001:00000002:00000003:vzdump::root@pam:/status",
         "GET /nodes/{node}/tasks/{upid}/status node=n1 "
         "upid=UPID:n1:00000001:00000002:00000003:vzdump::root@pam:"},
        {"a path with its placeholders", "GET", "/nodes/{node}/lxc/{vmid}/config",
         "GET /nodes/{node}/lxc/{vmid}/config node={node} vmid={vmid}"},
        {"a call that is gone", "GET", "/nodes/n1/scan/glusterfs", "GET /nodes/{node}/scan/glusterfs node=n1"},
        {"another verb", "DELETE", "/cluster/resources", "none"},
        {"a folder", "GET", "/nodes/n1/nothing", "none"},
        {"too long", "GET", "/version/x", "none"},
        {"a broken code", "GET", "/version%zz", "none"},
    };
    for (const row& r : rows) DYNAMIC_SECTION(r.name) {
            CHECK(found(catalogue_of_everything(), r.verb, r.path) == r.call);
        }
}

TEST_CASE("of two names for one path the connected version decides") {
    const auto all = read(
        "/pci/{pci-id-or-mapping}\n  GET new since=8.3\n"
        "/pci/{pciid}\n  GET old until=8.2\n");
    CHECK(found(all, "GET", "/pci/x", {8, 0}) == "GET /pci/{pciid} pciid=x");
    CHECK(found(all, "GET", "/pci/x", {8, 3}) == "GET /pci/{pci-id-or-mapping} pci-id-or-mapping=x");
    CHECK(found(all, "GET", "/pci/x") == "GET /pci/{pci-id-or-mapping} pci-id-or-mapping=x");
    CHECK(found(all, "GET", "/pci/{pciid}") == "GET /pci/{pciid} pciid={pciid}");
}

TEST_CASE("a word that leads nowhere may still be a value") {
    const auto all = read("/a/b/c\n  GET x\n/a/{n}/d\n  GET y\n");
    CHECK(found(all, "GET", "/a/b/d") == "GET /a/{n}/d n=b");
}

TEST_CASE("paths can be explored") {
    const catalogue& all = catalogue_of_everything();
    CHECK(joined(all.children_of("/")) == "access cluster nodes pools storage version");
    CHECK(joined(all.children_of("/nodes")) == "{node}");
    const auto below = all.children_of("/nodes/n1/lxc/101");
    CHECK(std::count(below.begin(), below.end(), "status") == 1);
    CHECK(all.children_of("/version").empty());
    CHECK(all.children_of("/nowhere").empty());

    std::string verbs;
    for (const method* one : all.verbs_at("/nodes/n1/qemu/100/config")) verbs += one->verb + " ";
    CHECK(verbs == "GET POST PUT ");
    CHECK(all.verbs_at("/nodes/n1/nothing").empty());
}

TEST_CASE("every call is found by its own path") {
    const catalogue& all = catalogue_of_everything();
    for (const method& one : all.methods()) {
        const auto call = all.find(one.verb, one.path, one.when.until);
        INFO(one.verb << " " << one.path);
        REQUIRE(call);
        CHECK(call->what == &one);
        CHECK(call->path.size() == path_parameters(one.path).size());
    }
}
