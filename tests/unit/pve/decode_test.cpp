#include "pve/decode.hpp"

#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;

namespace {

reply answer(int status, std::string reason, std::string body) {
    reply r;
    r.status = status;
    r.reason = std::move(reason);
    r.body = std::move(body);
    return r;
}

}  // namespace

TEST_CASE("what PVE says is turned into the kind of fault that callers branch on (recorded on 8.4.1)") {
    struct row {
        int status;
        const char* reason;
        const char* body;
        verb what;
        errc code;
        const char* words;
    };
    const row rows[] = {
        {401, "No ticket", "", verb::get, errc::unauthorized, "No ticket"},
        {401, "invalid token value!", "", verb::get, errc::unauthorized, "invalid token value!"},
        {403, "Permission check failed (/vms/100, VM.PowerMgmt)",
         R"({"data":null,"message":"Permission check failed (/vms/100, VM.PowerMgmt)\n"})", verb::create,
         errc::forbidden, "Permission check failed (/vms/100, VM.PowerMgmt)"},
        {400, "Parameter verification failed.",
         R"({"errors":{"upid":"no such task"},"message":"Parameter verification failed.\n","data":null})", verb::get,
         errc::not_found, "Parameter verification failed. upid: no such task;"},
        {400, "Parameter verification failed.", R"({"errors":{"vmid":"bad"},"data":null})", verb::create,
         errc::bad_request, "Parameter verification failed. vmid: bad;"},
        {500, "CT 201 already exists on node 'pve2'",
         R"({"data":null,"message":"CT 201 already exists on node 'pve2'\n"})", verb::create, errc::exists,
         "CT 201 already exists on node 'pve2'"},
        {500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist", R"({"data":null})", verb::get,
         errc::not_found, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist"},
        {500, "CT is locked (backup)", R"({"data":null})", verb::set, errc::locked, "CT is locked (backup)"},
        {500, "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout", "", verb::create, errc::locked,
         "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout"},
        {500, "cluster not ready - no quorum?", "", verb::create, errc::no_quorum, "cluster not ready - no quorum?"},
        {500, "detected modified configuration - file changed by other user? Try again.", "", verb::set, errc::changed,
         "detected modified configuration - file changed by other user? Try again."},
        {500, "CT 100 already running", "", verb::create, errc::refused, "CT 100 already running"},
        {501, "Method 'GET /foo' not implemented", "", verb::get, errc::bad_request,
         "Method 'GET /foo' not implemented"},
        {595, "No route to host", "", verb::create, errc::not_delivered, "No route to host"},
        {596, "Connection timed out", "", verb::get, errc::not_delivered, "Connection timed out"},
        {596, "Connection timed out", "", verb::create, errc::outcome_unknown, "Connection timed out"},
        {503, "", "", verb::create, errc::outcome_unknown, "HTTP status 503"},
        {200, "OK", "[]", verb::get, errc::garbage, "the answer is not PVE's JSON envelope"},
        {200, "OK", "<html>", verb::get, errc::garbage, "the answer is not PVE's JSON envelope"},
        {200, "OK", "", verb::create, errc::outcome_unknown, "the answer is not PVE's JSON envelope"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.status << ' ' << r.reason << ' ' << http_method(r.what)) {
            const auto got = data_of(answer(r.status, r.reason, r.body), request(r.what, "/x"));
            REQUIRE_FALSE(got);
            CHECK(got.error().code == r.code);
            CHECK(got.error().detail == r.words);
            CHECK(got.error().where == std::string("pve ") + http_method(r.what) + " /x");
        }
    }
    CHECK(data_of(answer(200, "OK", R"({"data":null})"), request(verb::get, "/x"))->is_null());
}

TEST_CASE("a cluster of three and a stand-alone node are seen") {
    const char* three = R"([{"nodes":3,"name":"rigcl","id":"cluster","quorate":1,"version":3,"type":"cluster"},
        {"id":"node/pve2","name":"pve2","local":0,"type":"node","level":"","ip":"10.77.0.12","online":1,"nodeid":2},
        {"type":"node","name":"pve3","local":0,"online":0,"nodeid":3},
        {"nodeid":1,"online":"1","type":"node","name":"pve1","id":"node/pve1","local":1}])";
    model::cluster_view view;
    REQUIRE(read_status(boost::json::parse(three), view));
    CHECK(view.cluster_name == "rigcl");
    CHECK(view.is_quorate == true);
    CHECK(view.contacted.str() == "pve1");
    CHECK(view.nodes.at(node_name("pve1")).online == true);
    CHECK(view.nodes.at(node_name("pve3")).online == false);

    model::cluster_view alone;
    REQUIRE(
        read_status(boost::json::parse(R"([{"type":"node","name":"pve","local":1,"online":1,"nodeid":0}])"), alone));
    CHECK(alone.is_quorate == true);
}

TEST_CASE("resources: loose types, missing fields, unknown rows") {
    model::cluster_view view;
    REQUIRE(read_resources(boost::json::parse(R"([
        {"type":"lxc","vmid":"101","node":"pve1","status":"running","name":"web","template":"0","tags":"B;a,b","maxmem":"67108864","lock":"backup"},
        {"type":"qemu","vmid":200,"node":"pve2","status":"unknown"},
        {"type":"qemu","vmid":201,"node":"pve2","status":"io-error","template":1,"hastate":"started"},
        {"type":"node","node":"pve1","status":"online","maxmem":100,"mem":40},
        {"type":"storage","storage":"local","node":"pve1","status":"available","content":"backup,rootdir","shared":0,"maxdisk":10,"disk":4},
        {"type":"storage","storage":"nfs","node":"pve1","status":"unknown","content":"backup","shared":1},
        {"type":"sdn","sdn":"x"}, {"type":"lxc","node":"pve1"}])"),
                           view));
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
    model::cluster_view view;
    for (const char* bad : {"null", "{}", "\"x\"", "[1]", "3"}) {
        DYNAMIC_SECTION(bad) {
            CHECK(read_resources(boost::json::parse(bad), view).error().code == errc::garbage);
            CHECK(read_status(boost::json::parse(bad), view).error().code == errc::garbage);
            CHECK(read_backups(boost::json::parse(bad)).error().code == errc::garbage);
        }
    }
    CHECK_FALSE(read_status(boost::json::parse("[]"), view));
    CHECK_FALSE(read_guest_config(boost::json::parse(R"({"hostname":"web"})")));
}

TEST_CASE("archives of file storages and of backup servers") {
    const auto all = read_backups(boost::json::parse(R"([
        {"ctime":1795204543,"format":"tar.zst","volid":"backup2:backup/vzdump-lxc-100-2026_11_20-19_55_43.tar.zst","vmid":100,"subtype":"lxc","size":1085356,"content":"backup"},
        {"volid":"pbs:backup/vm/200/2026-11-20T19:55:43Z","vmid":"200","ctime":"1795204543","size":1,"verification":{"state":"failed","upid":"x"},"encrypted":"ab:cd"},
        {"volid":"backup2:backup/vzdump-lxc-101-2026_11_20-19_55_49.tar.zst","vmid":101,"protected":1,"ctime":1795204549,"size":2},
        {"volid":"backup2:backup/renamed.tar","ctime":1}])"));
    REQUIRE(all);
    REQUIRE(all->size() == 3);
    CHECK(to_string((*all)[0].guest) == "ct/100");
    CHECK((*all)[0].bytes == 1085356);
    CHECK(to_string((*all)[1].guest) == "vm/200");
    CHECK((*all)[1].verify_failed);
    CHECK((*all)[1].encrypted);
    CHECK((*all)[2].is_protected);
}

TEST_CASE("the configuration inside an archive is its head only") {
    const auto config = parse_config_text(
        "#hello\narch: amd64\nhostname: ct100\nnet0: name=eth0,bridge=vmbr0\n[snap]\nhostname: old\n");
    CHECK(config.get("hostname") == "ct100");
    CHECK(config.get("net0") == "name=eth0,bridge=vmbr0");
    CHECK(config.get("missing").empty());
}

TEST_CASE("parameters are encoded so that PVE reads the same text") {
    CHECK(form_encode({{"a", "1"}, {"b", "x y&=ä"}}) == "a=1&b=x%20y%26%3D%C3%A4");
    CHECK(percent_encode("UPID:pve:root@pam!t:") == "UPID%3Apve%3Aroot%40pam%21t%3A");
}
