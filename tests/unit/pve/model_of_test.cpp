#include "pve/model_of.hpp"

#include "pve/api/cluster.hpp"
#include "pve/api/decode.hpp"
#include "pve/api/nodes_lxc.hpp"
#include "pve/api/nodes_storage.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;

namespace {

using status_rows = std::vector<api::cluster::status_get_row>;
using resource_rows = std::vector<api::cluster::resources_get_row>;
using content_rows = std::vector<api::nodes_storage::content_get_row>;

template <class R>
result<R> read(const char* text) {
    R into;
    const auto done = api::decode(api::make_field<R>("", 0), boost::json::parse(text), &into);
    if (!done) return done.error();
    return into;
}

result<model::cluster_view> resources(const char* text) {
    const auto rows = read<resource_rows>(text);
    if (!rows) return rows.error();
    model::cluster_view view;
    for (const auto& row : *rows) read_resource(row, view);
    return view;
}

}  // namespace

TEST_CASE("a cluster of three and a stand-alone node are seen") {
    const char* three = R"([{"nodes":3,"name":"rigcl","id":"cluster","quorate":1,"version":3,"type":"cluster"},
        {"id":"node/pve2","name":"pve2","local":0,"type":"node","level":"","ip":"10.77.0.12","online":1,"nodeid":2},
        {"type":"node","name":"pve3","local":0,"online":0,"nodeid":3},
        {"nodeid":1,"online":"1","type":"node","name":"pve1","id":"node/pve1","local":1}])";
    model::cluster_view view;
    REQUIRE(read_status(*read<status_rows>(three), view));
    CHECK(view.cluster_name == "rigcl");
    CHECK(view.is_quorate == true);
    CHECK(view.contacted.str() == "pve1");
    CHECK(view.nodes.at(node_name("pve1")).online == true);
    CHECK(view.nodes.at(node_name("pve3")).online == false);

    model::cluster_view alone;
    const auto row = read<status_rows>(R"([{"type":"node","name":"pve","local":1,"online":1,"nodeid":0}])");
    REQUIRE(read_status(*row, alone));
    CHECK(alone.is_quorate == true);
}

TEST_CASE("resources: loose types, missing fields, unknown rows") {
    const auto got = resources(R"([
        {"type":"lxc","vmid":"101","node":"pve1","status":"running","name":"web","template":"0","tags":"B;a,b","maxmem":"67108864","lock":"backup"},
        {"type":"qemu","vmid":200,"node":"pve2","status":"unknown"},
        {"type":"qemu","vmid":201,"node":"pve2","status":"io-error","template":1,"hastate":"started"},
        {"type":"node","node":"pve1","status":"online","maxmem":100,"mem":40},
        {"type":"storage","storage":"local","node":"pve1","status":"available","content":"backup,rootdir","shared":0,"maxdisk":10,"disk":4},
        {"type":"storage","storage":"nfs","node":"pve1","status":"unknown","content":"backup","shared":1},
        {"type":"sdn","sdn":"x"}, {"type":"lxc","node":"pve1"}])");
    REQUIRE(got);
    const model::cluster_view& view = *got;
    const auto* web = view.find(guest_id(guest_type::ct, vmid(101)));
    REQUIRE(web);
    CHECK(web->status == model::run_state::running);
    CHECK(web->tags == std::vector<std::string>{"a", "b"});
    CHECK(web->lock == "backup");
    CHECK(web->max_memory == 67108864);
    CHECK(view.find(guest_id(guest_type::vm, vmid(200)))->status == model::run_state::unknown);
    CHECK(view.find(guest_id(guest_type::vm, vmid(201)))->status == model::run_state::running);
    CHECK(view.find(guest_id(guest_type::vm, vmid(201)))->is_template);
    CHECK(view.guests.size() == 3);
    CHECK(view.nodes.at(node_name("pve1")).free_memory == 60);
    CHECK(view.find(node_name("pve1"), storage_id("local"))->free_bytes == 6U);
    CHECK_FALSE(view.find(node_name("pve1"), storage_id("nfs"))->available);
}

TEST_CASE("what is not a list is garbage, never an empty list") {
    for (const char* bad : {"{}", "\"x\"", "[1]", "3"}) {
        DYNAMIC_SECTION(bad) {
            CHECK(read<resource_rows>(bad).error().code == errc::garbage);
            CHECK(read<status_rows>(bad).error().code == errc::garbage);
            CHECK(read<content_rows>(bad).error().code == errc::garbage);
        }
    }
    model::cluster_view view;
    CHECK_FALSE(read_status({}, view));
    const auto undated = read<api::nodes_lxc::config_get_result>(R"({"hostname":"web"})");
    CHECK_FALSE(config_of(api::nodes_lxc::config_get_result::fields(), &*undated, undated->extra));
}

TEST_CASE("archives of file storages and of backup servers") {
    const auto rows = read<content_rows>(R"([
        {"ctime":1795204543,"format":"tar.zst","volid":"backup2:backup/vzdump-lxc-100-2026_11_20-19_55_43.tar.zst","vmid":100,"subtype":"lxc","size":1085356,"content":"backup"},
        {"volid":"pbs:backup/vm/200/2026-11-20T19:55:43Z","vmid":"200","ctime":"1795204543","size":1,"verification":{"state":"failed","upid":"x"},"encrypted":"ab:cd"},
        {"volid":"backup2:backup/vzdump-lxc-101-2026_11_20-19_55_49.tar.zst","vmid":101,"protected":1,"ctime":1795204549,"size":2},
        {"volid":"backup2:backup/renamed.tar","ctime":1}])");
    REQUIRE(rows);
    const auto all = backups_of(*rows);
    REQUIRE(all.size() == 3);
    CHECK(to_string(all[0].guest) == "ct/100");
    CHECK(all[0].bytes == 1085356);
    CHECK(to_string(all[1].guest) == "vm/200");
    CHECK(all[1].verify_failed);
    CHECK(all[1].encrypted);
    CHECK(all[2].is_protected);
}

TEST_CASE("the configuration inside an archive is its head only") {
    const auto config = parse_config_text(
        "#hello\narch: amd64\nhostname: ct100\nnet0: name=eth0,bridge=vmbr0\n[snap]\nhostname: old\n");
    CHECK(config.get("hostname") == "ct100");
    CHECK(config.get("net0") == "name=eth0,bridge=vmbr0");
    CHECK(config.get("missing").empty());
}

TEST_CASE("a configuration is text again as PVE would write it, with what the facts do not know") {
    const auto read_config = read<api::nodes_lxc::config_get_result>(
        R"({"digest":"abc","hostname":"web","memory":"512","onboot":1,"net0":"name=eth0,bridge=vmbr0,ip=dhcp,type=veth",
            "rootfs":"local:101/vm-101-disk-0.raw,size=8G","future-option":"x=1","net1":"name=eth1,unheard-of=1",
            "lxc":[["lxc.cap.drop","sys_admin"]]})");
    REQUIRE(read_config);
    const auto config = config_of(api::nodes_lxc::config_get_result::fields(), &*read_config, read_config->extra);
    REQUIRE(config);
    CHECK(config->digest == "abc");
    CHECK(config->get("memory") == "512");
    CHECK(config->get("onboot") == "1");
    CHECK(config->get("net0") == "bridge=vmbr0,ip=dhcp,name=eth0,type=veth");
    CHECK(config->get("rootfs") == "local:101/vm-101-disk-0.raw,size=8G");
    CHECK(config->get("future-option") == "x=1");
    CHECK(config->get("net1") == "name=eth1,unheard-of=1");
    CHECK(config->get("digest").empty());
}
