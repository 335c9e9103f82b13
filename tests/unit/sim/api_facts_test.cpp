#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;

// Facts read off exchanges with genuine PVE 8.4.1 (captures named in each row), node and guest names changed.
TEST_CASE("PVE 8.4.1 status lines and bodies") {
    struct row {
        const char* capture;
        const char* line;
        api::parameters params;
        int status;
        const char* reason;
        const char* body;  // a part of it
    };
    const row rows[] = {
        {"auth-24-token-ok", "GET /version", {}, 200, "OK", R"("version":"8.4.1")"},
        {"auth-39-logout",
         "DELETE /access/ticket",
         {},
         501,
         "Method 'DELETE /access/ticket' not implemented",
         R"({"data":null,"message":"Method 'DELETE /access/ticket' not implemented"})"},
        {"auth-41-access-ticket-get", "GET /access/ticket", {}, 200, "OK", R"({"data":null})"},
        {"auth-06-missing-password",
         "POST /access/ticket",
         {{"username", "root@pam"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"password":"property is missing and it is not optional"})"},
        {"auth-02-wrong-password-pam",
         "POST /access/ticket",
         {{"username", "root@pam"}, {"password", "nope"}},
         401,
         "authentication failure",
         R"("message":"authentication failure\n")"},
        {"cl-05-nextid", "GET /cluster/nextid", {}, 200, "OK", R"({"data":"100"})"},
        {"clu-12-nextid-elsewhere",
         "GET /cluster/nextid",
         {{"vmid", "103"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"vmid":"VM 103 already exists"})"},
        {"ct-04-config-missing",
         "GET /nodes/n1/lxc/999/config",
         {},
         500,
         "Configuration file 'nodes/n1/lxc/999.conf' does not exist",
         R"("message":"Configuration file 'nodes/n1/lxc/999.conf' does not exist\n")"},
        {"ct-05-status-missing",
         "GET /nodes/n1/lxc/999/status/current",
         {},
         500,
         "Configuration file 'nodes/n1/lxc/999.conf' does not exist",
         R"("data":null)"},
        {"ct-08-lxc-vmid-as-qemu",
         "GET /nodes/n1/qemu/101/config",
         {},
         500,
         "Configuration file 'nodes/n1/qemu-server/101.conf' does not exist",
         ""},
        {"clu-05-remote-vmid-asked-on-wrong-node",
         "GET /nodes/n1/lxc/102/config",
         {},
         500,
         "Configuration file 'nodes/n1/lxc/102.conf' does not exist",
         ""},
        {"ct-06-vmid-not-int",
         "GET /nodes/n1/lxc/abc/config",
         {},
         400,
         "Parameter verification failed.",
         R"("errors":{"vmid":"type check ('integer') failed - got 'abc'"})"},
        {"ct-09-node-missing",
         "GET /nodes/nosuch/lxc/101/config",
         {},
         500,
         "hostname lookup 'nosuch' failed - failed to get address info for: nosuch: Name or service not known",
         ""},
        {"ct-12-create-existing-vmid",
         "POST /nodes/n1/lxc",
         {{"vmid", "101"}, {"ostemplate", "local:vztmpl/x.tar.zst"}},
         500,
         "CT 101 already exists on node 'n1'",
         ""},
        {"clu-08-create-vmid-existing-elsewhere",
         "POST /nodes/n1/lxc",
         {{"vmid", "102"}, {"ostemplate", "local:vztmpl/x.tar.zst"}},
         500,
         "CT 102 already exists on node 'n2'",
         ""},
        {"clu-10-restore-force-vmid-elsewhere",
         "POST /nodes/n1/lxc",
         {{"vmid", "102"}, {"ostemplate", "backup:x"}, {"restore", "1"}, {"force", "1"}},
         500,
         "CT 102 already exists on node 'n2'",
         ""},
        {"ct-13-create-missing-template-param",
         "POST /nodes/n1/lxc",
         {{"vmid", "120"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"ostemplate":"property is missing and it is not optional"})"},
        {"bk-25-restore-bad-volid",
         "POST /nodes/n1/lxc",
         {{"vmid", "120"}, {"ostemplate", "/etc/passwd"}, {"restore", "1"}},
         500,
         "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 569.",
         ""},
        {"bk-18-restore-existing-force-running",
         "POST /nodes/n1/lxc",
         {{"vmid", "101"}, {"ostemplate", "backup:x"}, {"restore", "1"}, {"force", "1"}},
         500,
         "can't overwrite running container",
         ""},
        {"vm-15-create-existing-ct-vmid",
         "POST /nodes/n1/qemu",
         {{"vmid", "101"}, {"archive", "backup:backup/vzdump-qemu-101-2020_01_01-00_00_00.vma.zst"}},
         500,
         "unable to restore VM 101 - CT 101 already exists on node 'n1'",
         ""},
        {"bk-01-start",
         "POST /nodes/n1/lxc/101/status/start",
         {},
         500,
         "CT 101 already running",
         R"("message":"CT 101 already running\n")"},
        {"ct-24-shutdown-not-running", "POST /nodes/n1/lxc/110/status/shutdown", {}, 500, "CT 110 not running", ""},
        {"ct-25-reboot-not-running", "POST /nodes/n1/lxc/110/status/reboot", {}, 500, "VM 110 not running", ""},
        {"ct-66-bad-status-command",
         "POST /nodes/n1/lxc/101/status/explode",
         {},
         501,
         "Method 'POST /nodes/n1/lxc/101/status/explode' not implemented",
         ""},
        {"ct-27-delete-running",
         "DELETE /nodes/n1/lxc/101",
         {},
         500,
         "unable to destroy CT 101 - container is running",
         ""},
        {"vm-37-delete-running", "DELETE /nodes/n3/qemu/103", {}, 500, "VM 103 is running - destroy failed", ""},
        {"ct-30-config-wrong-digest",
         "PUT /nodes/n1/lxc/101/config",
         {{"memory", "128"}, {"digest", "0000000000000000000000000000000000000000"}},
         500,
         "detected modified configuration - file changed by other user? Try again.",
         ""},
        {"vm-26-config-wrong-digest",
         "PUT /nodes/n3/qemu/103/config",
         {{"memory", "128"}, {"digest", "0000000000000000000000000000000000000000"}},
         500,
         "checksum mismatch (file change by other user?)",
         ""},
        {"ct-31-config-set", "PUT /nodes/n1/lxc/101/config", {{"memory", "128"}}, 200, "OK", R"({"data":null})"},
        {"ct-34-config-bad-memory",
         "PUT /nodes/n1/lxc/101/config",
         {{"memory", "1"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"memory":"value must have a minimum value of 16"})"},
        {"ct-37-config-empty", "PUT /nodes/n1/lxc/101/config", {}, 500, "no options specified", ""},
        {"proto-35-post-json-query-on-get",
         "GET /cluster/resources",
         {{"type", "vm"}, {"bogus", "1"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"bogus":"property is not defined in schema and the schema does not allow additional properties"})"},
        {"proto-33-duplicate-params",
         "GET /cluster/resources",
         {{"type", "vm"}, {"type", "node"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"type":"type check ('string') failed - got ARRAY"})"},
        {"pve-facts B.2",
         "POST /nodes/n1/lxc/101/status/start",
         {{"debug", "yes"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"debug":"type check ('boolean') failed - got 'yes'"})"},
        {"pve-facts B.2, a parameter of the path given again",
         "GET /nodes/n1/lxc/101/config",
         {{"vmid", "102"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"vmid":"duplicate parameter (already defined in URI) with conflicting values!"})"},
        {"sdk.md 2.5, inside a property string",
         "PUT /nodes/n1/lxc/101/config",
         {{"net0", "name=eth0,speed=1"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"net0":"invalid format - invalid key in comma-separated list property: speed\n"})"},
        {"proto-19-root-index, with a parameter",
         "GET /",
         {{"x", "1"}},
         400,
         "Parameter verification failed.",
         R"("errors":{"x":"property is not defined in schema and the schema does not allow additional properties"})"},
        {"proto-03-method-not-implemented", "PUT /version", {}, 501, "Method 'PUT /version' not implemented", ""},
        {"proto-39-percent-encoded-path", "GET /nodes/%6e1/version", {}, 200, "OK", R"("release":"8.4")"},
        {"proto-18-double-slash", "GET //version", {}, 200, "OK", R"("release":"8.4")"},
        {"task-06-unknown-upid",
         "GET /nodes/n1/tasks/UPID%3An1%3A00000001%3A00000001%3A00000001%3Avzstart%3A100%3Aroot%40pam%3A/status",
         {},
         400,
         "Parameter verification failed.",
         R"("errors":{"upid":"no such task"})"},
        {"task-08-malformed-upid",
         "GET /nodes/n1/tasks/UPID:foo/status",
         {},
         400,
         "Parameter verification failed.",
         R"("errors":{"upid":"unable to parse worker upid"})"},
        {"task-07-unknown-upid-log",
         "GET /nodes/n1/tasks/UPID:n1:00000001:00000001:00000001:vzstart:100:root@pam:/log",
         {},
         200,
         "OK",
         R"("t":"unable to open file - No such file or directory")"},
        {"cl-09-ha-resource-missing", "GET /cluster/ha/resources/ct:999", {}, 500, "no such resource 'ct:999'", ""},
        {"clu-04-remote-config", "GET /nodes/n2/lxc/102/config", {}, 200, "OK", R"("hostname":"ct102")"},
        {"vm-23-config", "GET /nodes/n3/qemu/103/config", {}, 200, "OK", R"("memory":"512")"},
        {"bk-14-extractconfig",
         "GET /nodes/n1/vzdump/extractconfig",
         {{"volume", "backup:backup/vzdump-lxc-999-2020_01_01-00_00_00.tar.zst"}},
         500,
         "volume 'backup:backup/vzdump-lxc-999-2020_01_01-00_00_00.tar.zst' does not exist",
         ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.capture << " " << r.line) {
            cluster model(small_options());
            const api::reply answer = ask(model, r.line, r.params);
            CHECK(answer.status == r.status);
            CHECK(answer.reason == r.reason);
            CHECK(answer.body.find(r.body) != std::string::npos);
        }
    }
}

TEST_CASE("refused credentials: empty body, cause in the reason, three seconds late") {
    struct row {
        const char* capture;
        std::string authorization;
        std::string cookie;
        const char* reason;
    };
    const row rows[] = {
        {"proto-02-unknown-path-noauth", "", "", "No ticket"},
        {"auth-25-token-wrong-secret", "PVEAPIToken=root@pam!full=00000000-1111-4111-8111-111111111111", "",
         "invalid token value!"},
        {"auth-26-token-unknown-id", "PVEAPIToken=root@pam!nosuch=11111111-1111-4111-8111-111111111111", "",
         "no such token 'nosuch' for user 'root@pam'"},
        {"auth-27-token-malformed", "PVEAPIToken=root@pam!full", "", "no tokenid specified"},
        {"auth-28-token-expired", "PVEAPIToken=steward@pve!old=55555555-5555-4555-8555-555555555555", "",
         "token 'old' access expired"},
        {"auth-29-token-bearer-scheme", "Bearer xyz", "", "No ticket"},
        {"auth-43-token-double-at", "PVEAPIToken=root!full=11111111-1111-4111-8111-111111111111", "",
         "'root!full' is not a valid token ID - not able to split into user and token parts"},
        {"auth-17-get-with-nonticket-cookie", "", "PVEAuthCookie=hello", "permission denied - invalid PVE ticket"},
        {"pve-facts A.4: a ticket wins over a token", root_token, "PVEAuthCookie=hello",
         "permission denied - invalid PVE ticket"},
        {"pve-facts A.4: no blank after ';'", "", "a=b;PVEAuthCookie=hello", "No ticket"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.capture) {
            cluster model(small_options());
            api::request what(node_name("n1"), "GET", "/version");
            what.who.authorization = r.authorization;
            what.who.cookie = r.cookie;
            const api::reply answer = api::handle(model, what);
            CHECK(answer.status == 401);
            CHECK(answer.reason == r.reason);
            CHECK(answer.body.empty());
            CHECK(answer.delay == std::chrono::seconds(3));
        }
    }
}

TEST_CASE("a ticket: login, cookie, CSRF, renewal, end of life") {
    using namespace std::chrono_literals;
    cluster model(small_options());
    const auto login = [&](const std::string& password) {
        return ask(model, "POST /access/ticket", {{"username", "root@pam"}, {"password", password}}, "");
    };
    const auto first = data_of(login("simulated"));
    const std::string ticket(first.at("ticket").as_string());
    const std::string csrf(first.at("CSRFPreventionToken").as_string());
    CHECK(first.at("username") == "root@pam");
    CHECK(first.at("clustername") == "simcl");
    CHECK(first.at("cap").at("vms").as_object().count("VM.PowerMgmt") == 1);

    const auto with_cookie = [&](const char* method, const char* path, const std::string& csrf_token) {
        api::request what(node_name("n2"), method, path);  // tickets are valid on every node
        what.who.cookie = "theme=dark; PVEAuthCookie=" + ticket;
        what.who.csrf = csrf_token;
        return api::handle(model, what);
    };
    CHECK(with_cookie("GET", "/version", "").status == 200);
    CHECK(with_cookie("POST", "/nodes/n2/lxc/102/status/stop", "").reason == "Permission denied - invalid csrf token");
    CHECK(with_cookie("POST", "/nodes/n2/lxc/102/status/stop", csrf).status == 200);

    pass(model, 2h - 1s);
    CHECK(with_cookie("GET", "/version", "").status == 200);
    CHECK(login(ticket).status == 200);  // renewal: the ticket is the password
    pass(model, 2s);
    CHECK(with_cookie("GET", "/version", "").reason == "permission denied - invalid PVE ticket");
    CHECK(login(ticket).reason == "authentication failure");
}
