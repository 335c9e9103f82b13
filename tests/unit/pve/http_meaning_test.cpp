#include "pve/http_meaning.hpp"

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
        {400, "Parameter verification failed.",
         R"({"data":null,"errors":{"memory":"value must have a minimum value of 16","hostname":"bad"},"message":"Parameter verification failed.\n"})",
         verb::create, errc::bad_request,
         "Parameter verification failed. memory: value must have a minimum value of 16; hostname: bad;"},
        {400, "Parameter verification failed.", R"({"data":null,"errors":{"storage":"No such storage."}})", verb::get,
         errc::not_found, "Parameter verification failed. storage: No such storage.;"},
        {400, "Parameter verification failed.", R"({"data":null,"errors":{"delete":["a","b"]}})", verb::set,
         errc::bad_request, R"(Parameter verification failed. delete: ["a","b"];)"},
        {500, "CT 201 already exists on node 'pve2'",
         R"({"data":null,"message":"CT 201 already exists on node 'pve2'\n"})", verb::create, errc::exists,
         "CT 201 already exists on node 'pve2'"},
        {500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist", R"({"data":null})", verb::get,
         errc::not_found, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist"},
        {500, "no such VM ('999')", R"({"data":null,"message":"no such VM ('999')\n"})", verb::get, errc::not_found,
         "no such VM ('999')"},
        {500, "unable to create /etc/pve/x: File exists", "", verb::create, errc::exists,
         "unable to create /etc/pve/x: File exists"},
        {500, "got lock request timeout", "", verb::set, errc::locked, "got lock request timeout"},
        {500, "proxy loop detected", "", verb::get, errc::refused, "proxy loop detected"},
        {500, "", "", verb::get, errc::refused, "HTTP status 500"},
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
        {597, "Broken pipe", "", verb::get, errc::not_delivered, "Broken pipe"},
        {597, "Broken pipe", "", verb::remove, errc::outcome_unknown, "Broken pipe"},
        {598, "", "", verb::get, errc::not_delivered, "HTTP status 598"},
        {598, "", "", verb::create, errc::outcome_unknown, "HTTP status 598"},
        {599, "Too many redirections", "", verb::get, errc::not_delivered, "Too many redirections"},
        {599, "Too many redirections", "", verb::set, errc::outcome_unknown, "Too many redirections"},
        {404, "Not Found", "", verb::get, errc::refused, "Not Found"},
        {429, "Too Many Requests", "", verb::get, errc::refused, "Too Many Requests"},
        {302, "Found", "", verb::get, errc::garbage, "Found"},
        {502, "Bad Gateway", "", verb::get, errc::not_delivered, "Bad Gateway"},
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
            CHECK(got.error().http_status == (r.status == 200 ? 0 : r.status));
            CHECK(got.error().where == std::string("pve ") + http_method(r.what) + " /x");
        }
    }
    CHECK(data_of(answer(200, "OK", R"({"data":null})"), request(verb::get, "/x"))->is_null());
}

TEST_CASE("a node that the proxy cannot reach is told from an endpoint that we cannot reach") {
    for (const int status : {595, 596, 597, 598, 599}) {
        const auto got = data_of(answer(status, "Connection timed out", ""), request(verb::get, "/nodes/n2/lxc"));
        CHECK(is_about_node(got.error()));
    }
    for (const int status : {400, 403, 500, 502, 503, 504, 600}) {
        const auto got = data_of(answer(status, "", ""), request(verb::get, "/nodes/n2/lxc"));
        CHECK_FALSE(is_about_node(got.error()));
    }
    CHECK_FALSE(is_about_node(fault(errc::not_delivered, "connect n1", "no route to host")));
}

TEST_CASE("parameters are encoded so that PVE reads the same text") {
    CHECK(form_encode({{"a", "1"}, {"b", "x y&=ä"}}) == "a=1&b=x%20y%26%3D%C3%A4");
    CHECK(percent_encode("UPID:pve:root@pam!t:") == "UPID%3Apve%3Aroot%40pam%21t%3A");
}
