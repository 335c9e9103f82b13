#include "session.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <fmt/core.h>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

/// One call after the other on one cluster, as root@pam with a ticket.
class step {
  public:
    const char* line;
    api::parameters params;
    const char* complaint = "";
};

void walk(const session& who, const std::vector<step>& steps) {
    for (const step& s : steps) {
        INFO(s.line);
        CHECK(complaint_of(who.ask(s.line, s.params)) == s.complaint);
    }
}

std::vector<std::string> names(const boost::json::value& rows, const char* key) {
    std::vector<std::string> found;
    for (const auto& row : rows.as_array()) found.emplace_back(row.at(key).as_string());
    std::sort(found.begin(), found.end());
    return found;
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("users: from their making to their end") {
    cluster model(small_options());
    const session root(model, "root@pam");
    walk(root,
         {{"POST /access/users",
           {{"userid", "new@pve"}, {"password", "longenough"}, {"comment", "a: ü"}, {"email", "n@example.org"}}},
          {"POST /access/users", {{"userid", "new@pve"}}, "create user failed: user 'new@pve' already exists"},
          {"POST /access/users", {{"userid", "x@pve"}, {"groups", "none"}}, "create user failed: no such group 'none'"},
          {"POST /access/users",
           {{"userid", "x@nowhere"}, {"password", "longenough"}},
           "create user failed: auth domain 'nowhere' does not exist"},
          {"POST /access/users",
           {{"userid", "x@pam"}, {"password", "longenough"}},
           "create user failed: change password failed: exit code 6"},
          {"POST /access/groups", {{"groupid", "ops"}, {"comment", "c"}}},
          {"POST /access/groups", {{"groupid", "ops"}}, "create group failed: group 'ops' already exists"},
          {"PUT /access/users/new@pve", {{"groups", "ops"}, {"firstname", "N"}, {"expire", "1800000000"}}},
          {"PUT /access/users/new@pve",
           {{"append", "1"}, {"groups", "none"}},
           "update user failed: no such group 'none'"},
          {"PUT /access/users/ghost@pve", {{"comment", "x"}}, "update user failed: no such user ('ghost@pve')"},
          {"GET /access/users/ghost@pve", {}, "no such user ('ghost@pve')"}});
    const auto user = data_of(root.ask("GET /access/users/new@pve"));
    CHECK(user.at("comment") == "a: ü");
    CHECK(user.at("email") == "n@example.org");
    CHECK(user.at("firstname") == "N");
    CHECK(user.at("enable") == 1);
    CHECK(user.at("expire") == 1800000000);
    CHECK(user.at("groups").as_array().size() == 1);
    CHECK(user.at("tokens").is_null());
    CHECK(names(data_of(root.ask("GET /access/users")), "userid") ==
          list{"audit@pve", "new@pve", "root@pam", "steward@pve"});
    CHECK(model.files().tree().read("user.cfg")->find("user:new@pve:1:1800000000:N::n@example.org:a%3A %C3%BC::\n") !=
          std::string::npos);
    CHECK(data_of(root.ask("GET /access/groups/ops")).at("members").at(0) == "new@pve");
    const auto full = data_of(root.ask("GET /access/users", {{"full", "1"}, {"enabled", "1"}}));
    CHECK(full.at(1).at("groups") == "ops");
    CHECK(full.at(1).at("realm-type") == "pve");
    CHECK(full.at(0).at("tokens").at(0).at("tokenid") == "ro");

    walk(root, {{"PUT /access/acl", {{"path", "/vms"}, {"roles", "PVEVMUser"}, {"users", "new@pve"}}},
                {"DELETE /access/users/new@pve", {}},
                {"DELETE /access/groups/ops", {}},
                {"DELETE /access/groups/ops", {}, "delete group failed: group 'ops' does not exist"},
                {"GET /access/groups/ops", {}, "group 'ops' does not exist"}});
    CHECK(model.files().tree().read("user.cfg")->find("new@pve") == std::string::npos);
    CHECK(model.files().tree().read("priv/shadow.cfg")->find("new:") == std::string::npos);
}

TEST_CASE("tokens: their secret is shown once and works until they are gone") {
    options o = small_options();
    o.version = {9, 2};
    cluster model(o);
    const session root(model, "root@pam");
    const std::string path = " /access/users/steward@pve/token/night";
    const auto made = data_of(root.ask("POST" + path, {{"expire", "0"}, {"comment", "c"}}));
    CHECK(made.at("full-tokenid") == "steward@pve!night");
    CHECK(made.at("info").at("privsep") == 1);
    CHECK(made.at("info").at("expire") == "0");
    const auto header = [](const boost::json::value& answer) {
        return "PVEAPIToken=steward@pve!night=" + std::string(answer.at("value").as_string());
    };
    const std::string first = header(made);
    CHECK(std::string(made.at("value").as_string()).size() == 36);
    CHECK(ask(model, "GET /version", {}, first).status == 200);
    CHECK(ask(model, "GET /cluster/status", {}, first).status == 403);  // separated, and has no entries of its own
    CHECK(root.ask("PUT" + path, {{"privsep", "0"}}).status == 200);
    CHECK(ask(model, "GET /cluster/status", {}, first).status == 200);
    CHECK_FALSE(data_of(root.ask("GET" + path)).as_object().contains("value"));

    const auto again = data_of(root.ask("PUT" + path, {{"regenerate", "1"}}));
    CHECK(ask(model, "GET /version", {}, first).status == 401);
    CHECK(ask(model, "GET /version", {}, header(again)).status == 200);
    CHECK(
        root.ask("PUT" + path, {{"expire", std::to_string(model.wall_now().time_since_epoch().count() + 60)}}).status ==
        200);
    pass(model, 62s);
    CHECK(ask(model, "GET /version", {}, header(again)).status == 401);
    walk(root, {{"DELETE /access/users/steward@pve/token/night", {}},
                {"DELETE /access/users/steward@pve/token/night", {}, "no such token 'night' for user 'steward@pve'"},
                {"PUT /access/users/steward@pve/token/night",
                 {{"comment", "x"}},
                 "no such token 'night' for user 'steward@pve'"},
                {"POST /access/users/ghost@pve/token/night", {}, "no such user ('ghost@pve')"},
                {"POST /access/users/steward@pve/token/old", {}, R"({"tokenid":"Token already exists."})"}});
    CHECK(model.files().tree().read("priv/token.cfg")->find("night") == std::string::npos);

    cluster older(small_options());
    CHECK(session(older, "root@pam").ask("PUT /access/users/steward@pve/token/old", {{"regenerate", "1"}}).status ==
          400);
}

TEST_CASE("whose tokens and accounts one may see and change") {
    options o = small_options();
    o.users.emplace_back("lead@pve", "leadspass");
    cluster model(o);
    const session root(model, "root@pam");
    walk(root,
         {{"POST /access/groups", {{"groupid", "team"}}},
          {"POST /access/groups", {{"groupid", "other"}}},
          {"PUT /access/users/audit@pve", {{"groups", "team"}}},
          {"PUT /access/acl", {{"path", "/access/groups/team"}, {"roles", "PVEUserAdmin"}, {"users", "lead@pve"}}}});
    const session lead(model, "lead@pve");
    const session audit(model, "audit@pve");
    CHECK(names(data_of(lead.ask("GET /access/users")), "userid") == list{"audit@pve", "lead@pve"});
    CHECK(names(data_of(lead.ask("GET /access/groups")), "groupid") == list{"team"});
    walk(lead,
         {{"POST /access/users/lead@pve/token/mine", {}},
          {"POST /access/users/audit@pve/token/theirs", {}},
          {"GET /access/users/audit@pve", {}},
          {"GET /access/users/steward@pve", {}, "Permission check failed"},
          {"POST /access/users/steward@pve/token/x1", {}, "Permission check failed"},
          {"PUT /access/users/audit@pve", {{"comment", "x"}}, "Permission check failed (/access/groups, User.Modify)"},
          {"PUT /access/users/audit@pve", {{"groups", "team"}}},
          {"PUT /access/users/audit@pve",
           {{"groups", "other"}},
           "Permission check failed (/access/groups/other, User.Modify)"},
          {"POST /access/users",
           {{"userid", "y@pve"}, {"groups", "team"}},
           "Permission check failed (/access/realm/pve, Realm.AllocateUser)"},
          {"POST /access/users", {{"userid", "y"}}, "user name 'y' is too short"},
          {"POST /access/users", {{"userid", "yyyy"}}, "value 'yyyy' does not look like a valid user name"},
          {"GET /access/users/ghost@pve", {}, "no such user ('ghost@pve')"},
          {"GET /access/users/ghost@pve/token", {}, "Permission check failed"},
          {"DELETE /access/groups/team", {}, "Permission check failed (/access/groups, Group.Allocate)"}});
    // A token's name is never the user's, so a token cannot make others of its own user.
    CHECK(ask(model, "POST /access/users/audit@pve/token/more", {}, audit_token).reason == "Permission check failed");
    CHECK(audit.ask("POST /access/users/audit@pve/token/more").status == 200);
    CHECK(audit.ask("GET /access/permissions", {{"userid", "audit@pve!ro"}}).status == 200);
    CHECK(lead.ask("GET /access/permissions", {{"userid", "audit@pve"}}).reason ==
          "Permission check failed (/access, Sys.Audit)");
}

TEST_CASE("roles of one's own, and those that cannot be touched") {
    cluster model(small_options());
    const session root(model, "root@pam");
    walk(root,
         {{"POST /access/roles", {{"roleid", "Mine"}, {"privs", "VM.Audit,VM.Console"}}},
          {"POST /access/roles", {{"roleid", "Mine"}}, "create role failed: role 'Mine' already exists"},
          {"PUT /access/roles/Mine", {{"privs", "VM.PowerMgmt"}, {"append", "1"}}},
          {"PUT /access/roles/None", {{"privs", "VM.PowerMgmt"}}, "update role failed: role 'None' does not exist"},
          {"PUT /access/roles/PVEAdmin", {{"privs", "VM.Audit"}}, "auto-generated role 'PVEAdmin' cannot be modified"},
          {"DELETE /access/roles/NoAccess", {}, "auto-generated role 'NoAccess' cannot be deleted"},
          {"POST /access/roles",
           {{"roleid", "pveMine"}},
           R"({"roleid":"cannot use role ID starting with the (case-insensitive) 'PVE' namespace"})"},
          {"GET /access/roles/None", {}, "role 'None' does not exist"},
          {"PUT /access/acl", {{"path", "/vms"}, {"roles", "Mine"}, {"users", "audit@pve"}}}});
    CHECK(data_of(root.ask("GET /access/roles/Mine")).as_object().size() == 3);
    CHECK(root.ask("POST /access/roles", {{"roleid", "Bad"}, {"privs", "VM.Nonsense"}}).status == 400);
    CHECK(root.ask("POST /access/roles", {{"roleid", "Bad"}, {"privs", "VM.Replicate"}}).status == 400);
    CHECK(ask(model, "POST /nodes/n1/lxc/101/status/stop", {}, audit_token).status == 200);
    walk(root, {{"DELETE /access/roles/Mine", {}},
                {"DELETE /access/roles/Mine", {}, "delete role failed: role 'Mine' does not exist"}});
    // Without the role its entry means nothing, and what was inherited counts again.
    CHECK(ask(model, "GET /nodes/n1/lxc/101/config", {}, audit_token).status == 200);
    const auto roles = data_of(root.ask("GET /access/roles"));
    for (const auto& row : roles.as_array())
        if (row.at("roleid") == "PVEAuditor") {
            CHECK(row.at("special") == 1);
            CHECK(row.at("privs") == "Datastore.Audit,Mapping.Audit,Pool.Audit,SDN.Audit,Sys.Audit,VM.Audit");
        }
}

TEST_CASE("the ACL: what may stand in it and who may write it") {
    cluster model(small_options());
    const session root(model, "root@pam");
    const api::parameters good = {{"path", "/vms/101"}, {"roles", "PVEVMUser"}, {"users", "audit@pve"}};
    const auto with = [&](const char* name, const char* value) {
        api::parameters params = good;
        for (auto& [key, held] : params)
            if (key == name) held = value;
        return params;
    };
    walk(root, {{"PUT /access/acl", with("path", "/vm"), R"({"path":"invalid ACL path '/vm'"})"},
                {"PUT /access/acl", with("path", "/vms/12 3"), R"({"path":"invalid ACL path '/vms/12 3'"})"},
                {"PUT /access/acl", with("roles", "None"), "ACL update failed: role 'None' does not exist"},
                {"PUT /access/acl", with("users", "ghost@pve"), "ACL update failed: user 'ghost@pve' does not exist"},
                {"PUT /access/acl",
                 {{"path", "/"}, {"roles", "PVEAdmin"}, {"groups", "none"}},
                 "ACL update failed: group 'none' does not exist"},
                {"PUT /access/acl",
                 {{"path", "/"}, {"roles", "PVEAdmin"}, {"tokens", "audit@pve!no"}},
                 "ACL update failed: no such token 'no' for user 'audit@pve'"},
                {"PUT /access/acl", good},
                {"PUT /access/acl", with("path", "vms//101/")}});
    CHECK(root.ask("PUT /access/acl", {{"path", "/"}, {"roles", "PVEAdmin"}}).status == 400);
    const auto entries_on = [&](const char* path) {
        std::size_t found = 0;
        const auto rows = data_of(root.ask("GET /access/acl"));
        for (const auto& row : rows.as_array()) found += row.at("path") == path ? 1 : 0;
        return found;
    };
    CHECK(entries_on("/vms/101") == 1);
    api::parameters removal = good;
    removal.emplace_back("delete", "1");
    CHECK(root.ask("PUT /access/acl", removal).status == 200);
    CHECK(root.ask("PUT /access/acl", removal).status == 200);  // gone is gone
    CHECK(entries_on("/vms/101") == 0);
}

TEST_CASE("who may allocate guests may pass on no more than he has") {
    options o = small_options();
    o.users.emplace_back("vmadmin@pve", "");
    o.acl.emplace_back("/vms", "vmadmin@pve", "PVEVMAdmin");
    cluster model(o);
    const session admin(model, "vmadmin@pve");
    const auto give = [&](const char* path, const char* role, const char* propagate = "1") {
        return complaint_of(admin.ask(
            "PUT /access/acl", {{"path", path}, {"roles", role}, {"users", "audit@pve"}, {"propagate", propagate}}));
    };
    CHECK(give("/vms/101", "PVEVMUser") == "");
    CHECK(give("/vms/101", "PVEAdmin") ==
          "ACL update failed: 400 Parameter verification failed.\nrole: Cannot add role 'PVEAdmin' - requires "
          "'Permissions.Modify' or superset of privileges.");
    CHECK(give("/vms/101", "NoAccess") ==
          "ACL update failed: 400 Parameter verification failed.\nrole: Cannot add role "
          "'NoAccess' - requires 'Permissions.Modify'");
    CHECK(give("/vms", "PVEVMUser") == "Permission check failed (/vms, Permissions.Modify)");
    CHECK(give("/storage/local", "PVEVMUser") ==
          "Permission check failed (/storage/local, Permissions.Modify|Datastore.Allocate)");
    CHECK(names(data_of(admin.ask("GET /access/acl")), "path") == list{"/vms/101"});
}

TEST_CASE("groups and NoAccess decide what a user can do") {
    cluster model(small_options());
    const session root(model, "root@pam");
    walk(root, {{"POST /access/users", {{"userid", "dev@pve"}, {"password", "longenough"}}},
                {"POST /access/groups", {{"groupid", "devs"}}},
                {"PUT /access/users/dev@pve", {{"groups", "devs"}}},
                {"PUT /access/acl", {{"path", "/vms"}, {"roles", "PVEVMAdmin"}, {"groups", "devs"}}},
                {"PUT /access/acl", {{"path", "/vms/102"}, {"roles", "NoAccess"}, {"users", "dev@pve"}}}});
    const session dev(model, "dev@pve");
    CHECK(dev.ask("GET /nodes/n1/lxc/101/config").status == 200);
    CHECK(dev.ask("GET /nodes/n2/lxc/102/config").reason == "Permission check failed (/vms/102, VM.Audit)");
    const auto rows = data_of(dev.ask("GET /cluster/resources", {{"type", "vm"}}));
    CHECK(names(rows, "id") == list{"lxc/101", "lxc/110", "qemu/103"});
    CHECK(data_of(dev.ask("GET /access/permissions", {{"path", "/vms/102"}})).at("/vms/102").as_object().empty());
    walk(root, {{"DELETE /access/groups/devs", {}}});
    CHECK(dev.ask("GET /nodes/n1/lxc/101/config").status == 403);
}

TEST_CASE("pools: membership grants, and its rules") {
    options o = small_options();
    o.users.emplace_back("dev@pve", "");
    cluster model(o);
    const session root(model, "root@pam");
    const session dev(model, "dev@pve");
    walk(root,
         {{"POST /pools", {{"poolid", "web"}, {"comment", "c"}}},
          {"POST /pools", {{"poolid", "web"}}, "create pool failed: pool 'web' already exists"},
          {"POST /pools", {{"poolid", "db/a"}}, "create pool failed: parent 'db' of pool 'db/a' does not exist"},
          {"POST /pools", {{"poolid", "db"}}},
          {"POST /pools", {{"poolid", "db/a"}}},
          {"PUT /pools", {{"poolid", "web"}, {"vms", "101,103"}, {"storage", "local-lvm"}}},
          {"PUT /pools", {{"poolid", "web"}, {"vms", "101"}}, "update pools failed: VM 101 is already a pool member"},
          {"PUT /pools/db",
           {{"vms", "101"}},
           "update pools failed: VM 101 belongs already to pool 'web' and 'allow-move' is not set"},
          {"PUT /pools/db", {{"vms", "101"}, {"allow-move", "1"}}},
          {"PUT /pools/web", {{"vms", "101"}, {"delete", "1"}}, "update pools failed: VM 101 is not a pool member"},
          {"PUT /pools/web",
           {{"storage", "local-lvm"}},
           "update pools failed: Storage 'local-lvm' is already a pool member"},
          {"PUT /pools/none", {{"comment", "x"}}, "update pools failed: pool 'none' does not exist"},
          {"DELETE /pools/web", {}, "delete pool failed: pool 'web' is not empty (contains VM 103)"},
          {"DELETE /pools", {{"poolid", "db"}}, "delete pool failed: pool 'db' is not empty (contains pool 'db/a')"},
          {"GET /pools/none", {}, "pool 'none' does not exist"},
          {"PUT /access/acl",
           {{"path", "/pool/web"}, {"roles", "PVEVMUser,PVEDatastoreUser,PVEPoolUser"}, {"users", "dev@pve"}}}});
    CHECK(dev.ask("GET /nodes/n3/qemu/103/config").status == 200);
    CHECK(dev.ask("GET /nodes/n1/lxc/101/config").status == 403);
    CHECK(names(data_of(dev.ask("GET /pools")), "poolid") == list{"web"});
    CHECK(names(data_of(dev.ask("GET /storage")), "storage") == list{"local-lvm"});
    const auto held = data_of(dev.ask("GET /access/permissions")).as_object();
    CHECK(held.at("/vms/103").at("VM.PowerMgmt") == 0);  // what comes from a pool does not propagate
    CHECK(held.at("/storage/local-lvm").at("Datastore.AllocateSpace") == 0);
    const auto web = data_of(root.ask("GET /pools", {{"poolid", "web"}})).at(0);
    CHECK(web.at("comment") == "c");
    CHECK(names(web.at("members"), "id") == list{"qemu/103", "storage/n1/local-lvm"});
    const auto rows = data_of(root.ask("GET /cluster/resources", {{"type", "vm"}}));
    for (const auto& row : rows.as_array())
        CHECK(row.as_object().contains("pool") == (row.at("vmid") != 102 && row.at("vmid") != 110));
    CHECK(data_of(root.ask("GET /pools/web", {{"type", "qemu"}})).at("members").as_array().size() == 1);
    // NoAccess on the pool takes away what the guest's own path grants.
    walk(root, {{"PUT /access/acl", {{"path", "/vms/103"}, {"roles", "PVEVMUser"}, {"users", "dev@pve"}}},
                {"PUT /access/acl", {{"path", "/pool/web"}, {"roles", "NoAccess"}, {"users", "dev@pve"}}}});
    CHECK(dev.ask("GET /nodes/n3/qemu/103/config").status == 403);
    walk(root,
         {{"PUT /pools/web", {{"vms", "103"}, {"storage", "local-lvm"}, {"delete", "1"}}}, {"DELETE /pools/web", {}}});
    CHECK(dev.ask("GET /nodes/n3/qemu/103/config").status == 200);
    CHECK(dev.ask("POST /pools", {{"poolid", "mine"}}).reason == "Permission check failed (/pool/mine, Pool.Allocate)");

    o.version = {7, 4};
    cluster older(o);
    const session old_root(older, "root@pam");
    CHECK(old_root.ask("PUT /pools", {{"poolid", "web"}, {"vms", "101"}}).status == 501);
    CHECK(old_root.ask("POST /pools", {{"poolid", "web"}}).status == 200);
    CHECK(old_root.ask("PUT /pools/web", {{"vms", "101"}}).status == 200);
}

TEST_CASE("realms") {
    cluster model(small_options());
    const session root(model, "root@pam");
    walk(root,
         {{"POST /access/domains",
           {{"realm", "office"}, {"type", "ldap"}, {"server1", "10.0.0.1"}, {"base_dn", "dc=x"}},
           "add auth server failed: missing value for required option 'user_attr'"},
          {"POST /access/domains",
           {{"realm", "office"},
            {"type", "ldap"},
            {"server1", "10.0.0.1"},
            {"base_dn", "dc=x"},
            {"user_attr", "uid"},
            {"password", "hidden"},
            {"default", "1"},
            {"comment", "a:b"}}},
          {"POST /access/domains",
           {{"realm", "office"}, {"type", "ad"}, {"server1", "h"}, {"domain", "d"}},
           "add auth server failed: domain 'office' already exists"},
          {"POST /access/domains",
           {{"realm", "more"}, {"type", "pve"}},
           "add auth server failed: unable to create builtin type 'pve'"},
          {"PUT /access/domains/office", {}, "update auth server failed: no options specified"},
          {"PUT /access/domains/office", {{"port", "636"}, {"delete", "comment"}}},
          {"PUT /access/domains/none", {{"comment", "x"}}, "update auth server failed: domain 'none' does not exist"},
          {"PUT /access/domains/pve", {{"comment", "ours"}}},
          {"GET /access/domains/none", {}, "domain 'none' does not exist"},
          {"DELETE /access/domains/none",
           {},
           "delete auth server failed: authentication domain 'none' does not exist"}});
    const auto office = data_of(root.ask("GET /access/domains/office"));
    CHECK(office.at("port") == 636);
    CHECK(office.at("type") == "ldap");
    CHECK_FALSE(office.as_object().contains("comment"));
    CHECK_FALSE(office.as_object().contains("password"));
    const auto rows = data_of(ask(model, "GET /access/domains", {}, ""));  // before anybody logs in
    CHECK(names(rows, "realm") == list{"office", "pam", "pve"});
    CHECK(rows.at(0).at("default") == 1);
    CHECK(rows.at(2).at("comment") == "ours");
    CHECK(ask(model, "GET /access/domains/office", {}, audit_token).status == 200);
    CHECK(root.ask("DELETE /access/domains/office").status == 200);
}

TEST_CASE("without quorum, and while another holds the lock, nothing is changed") {
    cluster model(small_options());
    const session root(model, "root@pam");
    const std::string before = *model.files().tree().read("user.cfg");
    const std::vector<std::pair<const char*, api::parameters>> writes = {
        {"POST /access/users", {{"userid", "x@pve"}, {"password", "longenough"}}},
        {"PUT /access/users/audit@pve", {{"comment", "x"}}},
        {"DELETE /access/users/audit@pve", {}},
        {"POST /access/users/audit@pve/token/more", {}},
        {"POST /access/groups", {{"groupid", "g"}}},
        {"POST /access/roles", {{"roleid", "R"}}},
        {"PUT /access/acl", {{"path", "/"}, {"roles", "PVEAdmin"}, {"users", "audit@pve"}}},
        {"POST /pools", {{"poolid", "p"}}},
        {"POST /access/domains", {{"realm", "o"}, {"type", "openid"}, {"issuer-url", "u"}, {"client-id", "c"}}},
        {"PUT /access/password", {{"userid", "audit@pve"}, {"password", "longenough"}}},
    };
    const auto shadow = *model.files().tree().read("priv/shadow.cfg");
    REQUIRE(apply_fault(model, "quorum off"));
    for (const auto& [line, params] : writes) {
        INFO(line);
        session again(model, "root@pam");
        const api::reply answer = again.ask(line, params);
        if (std::string_view(line) == "POST /access/domains" && answer.status == 400) continue;
        CHECK(answer.status == 500);
        CHECK(answer.reason.find("error: no quorum!") != std::string::npos);
    }
    REQUIRE(apply_fault(model, "quorum on"));
    model.files().tree().make_directory("priv/lock/file-user_cfg");
    const time_point started = model.now();
    const session later(model, "root@pam");
    CHECK(complaint_of(later.ask("POST /access/users", {{"userid", "x@pve"}})) ==
          "create user failed: cfs-lock 'file-user_cfg' error: got lock request timeout");
    CHECK(model.now() - started == 9s);
    CHECK(*model.files().tree().read("user.cfg") == before);
    CHECK(*model.files().tree().read("priv/shadow.cfg") == shadow);
}

TEST_CASE("what only root@pam itself may") {
    cluster model(small_options());
    CHECK(ask(model, "GET /cluster/backup-info").reason == "Permission check failed (user != root@pam)");
    CHECK(session(model, "root@pam").ask("DELETE /access/users/ghost@pve").status == 200);  // asks for nothing
    CHECK(ask(model, "DELETE /access/users/ghost@pve").reason == "no such user ('ghost@pve')");
    CHECK(ask(model, "POST /access/ticket", {{"username", "root@pam"}, {"password", "simulated"}}).status == 200);
}

TEST_CASE("a cluster that is served again keeps its users") {
    options o = small_options();
    o.files = std::make_shared<memory_tree>();
    {
        cluster first(o);
        const session root(first, "root@pam");
        CHECK(root.ask("POST /access/users", {{"userid", "kept@pve"}, {"password", "longenough"}}).status == 200);
        CHECK(root.ask("DELETE /access/users/audit@pve").status == 200);
    }
    cluster second(o);
    CHECK(ask(second, "POST /access/ticket", {{"username", "kept@pve"}, {"password", "longenough"}}, "").status == 200);
    CHECK(ask(second, "GET /version", {}, audit_token).reason == "no such user ('audit@pve')");
}

TEST_CASE("rights are looked up fast: they are asked for each of ten thousand guests in one call") {
    cluster model(small_options());
    const identity audit("audit@pve");
    std::size_t seen = 0;
    for (int round = 0; round < 3; ++round)
        for (int vmid = 100; vmid < 10100; ++vmid)
            seen += model.access().has(audit, "/vms/" + std::to_string(vmid), "VM.Audit") ? 1 : 0;
    CHECK(seen == 30000);
    // … and forgotten as soon as the file says otherwise.
    CHECK(session(model, "root@pam")
              .ask("PUT /access/acl", {{"path", "/vms/100"}, {"roles", "NoAccess"}, {"users", "audit@pve"}})
              .status == 200);
    CHECK(ask(model, "GET /nodes/n1/lxc/100/config", {}, audit_token).status == 403);
}
