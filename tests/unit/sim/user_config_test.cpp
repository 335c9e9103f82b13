#include "sim/model/user_config.hpp"

#include "sim/model/realms.hpp"
#include "sim/model/secrets.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <catch2/catch.hpp>
#include <fmt/core.h>

using namespace steward;
using namespace steward::sim;

namespace {

constexpr pve::schema::version eight{8, 4};

// As a genuine cluster wrote it, beside the names.
const std::string written =
    "user:anna@pve:1:0:Anna:Bell:a@example.org:a%3A b:x:\n"
    "token:anna@pve!t1:1700000000:0:note:\n"
    "token:anna@pve!t2:0:1::\n"
    "user:root@pam:1:0::::::\n"
    "user:tom@ldap1:0:1800000000::::::\n"
    "\n"
    "group:ops:anna@pve,tom@ldap1:people:\n"
    "\n"
    "pool:web::101,102:local-lvm:\n"
    "pool:web/front:fast::\n"
    "\n"
    "role:Mine:VM.Audit,VM.PowerMgmt:\n"
    "\n"
    "acl:1:/:@ops:PVEAuditor:\n"
    "acl:0:/vms:anna@pve:NoAccess:\n"
    "acl:1:/vms/101:anna@pve,anna@pve!t2:Mine,PVEVMUser:\n";

std::string roles_text(const granted_roles& roles) {
    std::string text;
    for (const auto& [role, propagate] : roles) text += fmt::format("{}{} ", role, propagate ? "+" : "");
    return text;
}

}  // namespace

TEST_CASE("user.cfg is read and written back to the byte") {
    std::string text = written;
    text.replace(text.find("pool:web/front:fast::"), 21, "pool:web/front:fast:::");
    CHECK(user_config::parse(text, eight).text() == text);
    const user_config config = user_config::parse(text, eight);
    CHECK(config.find_user("anna@pve")->comment == "a: b");
    CHECK(config.find_token("anna@pve!t1")->expire == 1700000000);
    CHECK_FALSE(config.find_token("anna@pve!t1")->privsep);
    CHECK_FALSE(config.find_user("tom@ldap1")->enable);
    CHECK(config.pool_of(101) == "web");
    CHECK(config.pools_below("web").count("web/front") == 1);
    CHECK(user_config::parse("", eight).find_user("root@pam") != nullptr);
}

TEST_CASE("lines of user.cfg that cannot be are left out, one by one") {
    const char* rows[] = {
        "user:nobody:1:0::::::",
        "user:a@pve:1:never::::::",
        "token:ghost@pve!tk:0:1::",
        "token:anna@pve:0:1::",
        "token:anna@pve!tk:soon:1:",
        "acl:1:/v ms:anna@pve:PVEAdmin:",
        "acl:1:/vms::PVEAdmin:",
        "acl:1:/vms:anna@pve:None:",
        "acl:1:/vms:anna@pve!no:PVEAdmin:",
        "acl:1:/vms:anna:PVEAdmin:",
        "role:PVEAdmin:VM.Audit:",
        "mystery:1:2:",
        "group::anna@pve::",
        ":::",
        "user",
    };
    const std::string base = "user:anna@pve:1:0::::::\n";
    const std::string clean = user_config::parse(base, eight).text();
    for (const char* line : rows) {
        DYNAMIC_SECTION(line) { CHECK(user_config::parse(base + line + "\n", eight).text() == clean); }
    }
    const user_config twice = user_config::parse("pool:a::101:\npool:b::101,102:\n", eight);
    CHECK(twice.pool_of(101) == "a");  // a guest is in one pool only
    CHECK(twice.pool_of(102) == "b");
    CHECK(user_config::parse("role:R:VM.Audit,VM.Nonsense:\n", eight).roles_by_name.at("R").size() == 1);
}

TEST_CASE("roles along the tree of paths") {
    struct row {
        const char* name;
        const char* acl;
        const char* subject;
        const char* path;
        const char* roles;
    };
    const row rows[] = {
        {"inherited", "acl:1:/:a@pve:PVEAuditor:", "a@pve", "/vms/101", "PVEAuditor+ "},
        {"not to what lies below", "acl:0:/vms:a@pve:PVEVMUser:", "a@pve", "/vms/101", ""},
        {"the path itself", "acl:0:/vms:a@pve:PVEVMUser:", "a@pve", "/vms", "PVEVMUser "},
        {"the root itself", "acl:0:/:a@pve:PVEAuditor:", "a@pve", "/", "PVEAuditor "},
        {"the nearer replaces", "acl:1:/:a@pve:PVEAuditor:\nacl:1:/vms:a@pve:PVEVMUser:", "a@pve", "/vms/101",
         "PVEVMUser+ "},
        {"several at once", "acl:1:/vms:a@pve:PVEVMUser,PVEAuditor:", "a@pve", "/vms/101", "PVEAuditor+ PVEVMUser+ "},
        {"one that does not propagate replaces nothing below",
         "acl:1:/:a@pve:PVEAuditor:\nacl:0:/vms:a@pve:PVEVMUser:", "a@pve", "/vms/101", "PVEAuditor+ "},
        {"through a group", "acl:1:/vms:@ops:PVEVMUser:", "a@pve", "/vms/101", "PVEVMUser+ "},
        {"not in the group", "acl:1:/vms:@ops:PVEVMUser:", "b@pve", "/vms/101", ""},
        {"his own before the group's", "acl:1:/vms:@ops:PVEVMAdmin:\nacl:1:/vms:a@pve:PVEVMUser:", "a@pve", "/vms/101",
         "PVEVMUser+ "},
        {"two groups add up", "acl:1:/vms:@ops:PVEVMUser:\nacl:1:/vms:@dev:PVEAuditor:", "a@pve", "/vms/101",
         "PVEAuditor+ PVEVMUser+ "},
        {"the group nearer than his own", "acl:1:/:a@pve:PVEAdmin:\nacl:1:/vms:@ops:PVEVMUser:", "a@pve", "/vms/101",
         "PVEVMUser+ "},
        {"NoAccess outweighs", "acl:1:/vms:a@pve:NoAccess,PVEAdmin:", "a@pve", "/vms/101", "NoAccess+ "},
        {"NoAccess is undone further down", "acl:1:/vms:a@pve:NoAccess:\nacl:1:/vms/101:a@pve:PVEVMUser:", "a@pve",
         "/vms/101", "PVEVMUser+ "},
        {"a token's own", "acl:1:/vms:a@pve!tk:PVEVMUser:", "a@pve!tk", "/vms/101", "PVEVMUser+ "},
        {"not the token's user", "acl:1:/vms:a@pve!tk:PVEVMUser:", "a@pve", "/vms/101", ""},
        {"a path that only begins alike", "acl:1:/vms/10:a@pve:PVEVMUser:", "a@pve", "/vms/101", ""},
    };
    const std::string people =
        "user:a@pve:1:0::::::\ntoken:a@pve!tk:0:1::\nuser:b@pve:1:0::::::\ngroup:ops:a@pve::\ngroup:dev:a@pve::\n";
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            CHECK(roles_text(user_config::parse(people + r.acl, eight).roles(r.subject, r.path)) == r.roles);
        }
    }
}

TEST_CASE("paths that the ACL knows") {
    for (const char* good : {"/",
                             "/access",
                             "/access/groups",
                             "/access/groups/ops",
                             "/access/realm/pve",
                             "/nodes",
                             "/nodes/n1",
                             "/pool",
                             "/pool/a",
                             "/pool/a/b/c",
                             "/sdn",
                             "/sdn/zones",
                             "/sdn/zones/localnetwork/vmbr0",
                             "/sdn/zones/z/v/4094",
                             "/sdn/controllers/c",
                             "/storage",
                             "/storage/local-lvm",
                             "/vms",
                             "/vms/101",
                             "/mapping",
                             "/mapping/pci",
                             "/mapping/notifications/all"}) {
        INFO(good);
        CHECK(is_acl_path(good));
    }
    for (const char* bad : {"", "vms", "/foo", "/access/foo", "/access/groups/a/b", "/nodes/n1/lxc", "/pool/a/b/c/d",
                            "/sdn/foo", "/sdn/zones/z/v/0", "/sdn/zones/z/v/12345", "/storage/a/b", "/vms/99",
                            "/vms/0101", "/vms/abc", "/vms/101/snapshot", "/mapping/a/b/c", "/vms/"}) {
        INFO(bad);
        CHECK_FALSE(is_acl_path(bad));
    }
    CHECK(normalised_acl_path("vms//101/") == "/vms/101");
    CHECK(normalised_acl_path("///") == "/");
    CHECK_FALSE(normalised_acl_path("/vms/1 1"));
    CHECK_FALSE(normalised_acl_path("/a:b"));
    CHECK_FALSE(normalised_acl_path(""));
}

TEST_CASE("names of users and tokens") {
    for (const char* good : {"a@pve", "a.b+c@my-realm", "a@b@pve", "ö@pve"}) CHECK(is_userid(good));
    for (const char* bad : {"", "a@", "@pve", "a@p", "a b@pve", "a:b@pve", "a/b@pve", "a@1pve", "a@p ve"})
        CHECK_FALSE(is_userid(bad));
    CHECK_FALSE(is_userid(std::string(61, 'a') + "@pve"));
    CHECK(is_userid(std::string(60, 'a') + "@pve"));
    CHECK(split_token_id("a@pve!t1")->second == "t1");
    CHECK(split_token_id("a!b@pve!t1")->first == "a!b@pve");
    for (const char* bad : {"a@pve", "a@pve!", "a@pve!1", "a@pve!t", "a!t1", "!t1", "a b@pve!t1"}) {
        INFO(bad);
        CHECK_FALSE(split_token_id(bad));
    }
}

TEST_CASE("privileges and built-in roles by release") {
    const auto has = [](int major, const char* role, const char* privilege) {
        return built_in_roles({major, 0}).at(role).count(privilege) == 1;
    };
    CHECK(privileges_of({8, 4}).size() == 42);
    CHECK(privileges_of({8, 4}).count("VM.Monitor") == 1);
    CHECK(privileges_of({9, 1}).count("VM.Monitor") == 0);
    CHECK(privileges_of({9, 1}).count("VM.Replicate") == 1);
    CHECK(privileges_of({7, 4}).count("SDN.Use") == 0);
    CHECK(privileges_of({7, 4}).count("Mapping.Use") == 0);
    CHECK(has(8, "PVEVMAdmin", "VM.Monitor"));
    CHECK_FALSE(has(8, "PVEVMUser", "VM.Monitor"));
    CHECK(has(9, "PVEAuditor", "VM.GuestAgent.Audit"));
    CHECK(has(9, "PVEVMUser", "VM.GuestAgent.FileRead"));
    CHECK_FALSE(has(9, "PVEVMUser", "VM.GuestAgent.Unrestricted"));
    CHECK(has(7, "PVEAdmin", "Permissions.Modify"));
    CHECK_FALSE(has(8, "PVEAdmin", "Permissions.Modify"));
    CHECK_FALSE(has(8, "PVEAdmin", "Sys.Modify"));
    CHECK_FALSE(has(8, "PVEAdmin", "Mapping.Modify"));
    CHECK(has(8, "PVEMappingAdmin", "Mapping.Modify"));
    CHECK(has(8, "Administrator", "Sys.AccessNetwork"));
    CHECK(built_in_roles({8, 4}).at("NoAccess").empty());
    CHECK(built_in_roles({7, 4}).count("PVESDNUser") == 0);
    CHECK(built_in_roles({8, 4}).count("PVESysUser") == 0);
    CHECK(built_in_roles({8, 4}).size() == 17);
}

TEST_CASE("domains.cfg, shadow.cfg and token.cfg") {
    const std::string text =
        "ldap: office\n\tbase_dn dc=example,dc=org\n\tcomment Office%3A people\n\tdefault 1\n\tserver1 10.0.0.1\n"
        "\tuser_attr uid\n\npam: pam\n\tcomment Linux PAM standard authentication\n\n"
        "pve: pve\n\tcomment Proxmox VE authentication server\n\n";
    CHECK(realm_config::parse(text).text() == text);
    CHECK(realm_config::parse(text).find("office")->options.at("comment") == "Office: people");
    CHECK(realm_config::parse("").realms.size() == 2);
    CHECK(realm_config::parse("garbage\n\tx y\n").realms.size() == 2);
    const auto hash = password_hash("secret", "salt");
    CHECK(is_password(hash, "secret"));
    CHECK_FALSE(is_password(hash, "Secret"));
    CHECK_FALSE(is_password("", ""));
    CHECK_FALSE(is_password("*", "*"));
    CHECK(parse_shadow(shadow_text({{"a", hash}})).at("a") == hash);
    CHECK(parse_token_secrets("a@pve!t x-y\n\nbroken\n").size() == 1);
}
