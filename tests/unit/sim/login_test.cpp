#include "pve/totp.hpp"
#include "session.hpp"

#include <boost/json/array.hpp>

#include <fmt/core.h>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

/// small_options with somebody to be refused for each reason.
options people() {
    options o = small_options();
    o.users.emplace_back("carl@pve", "carlspass");
    o.users.emplace_back("gone@pve", "gonespass");
    o.users.back().expires = o.wall_start - 1h;
    o.users.emplace_back("off@pve", "offspass1");
    o.users.back().enabled = false;
    o.tokens.emplace_back("gone@pve!t1", "77777777-7777-4777-8777-777777777777", false);
    o.tokens.emplace_back("off@pve!t1", "88888888-8888-4888-8888-888888888888", false);
    o.acl.emplace_back("/vms", "carl@pve", "PVEVMUser");
    return o;
}

api::reply log_in(cluster& model, api::parameters params) { return ask(model, "POST /access/ticket", params, ""); }

const std::string totp_uri = "otpauth://totp/carl?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=6";
const std::string totp_secret = "12345678901234567890";

std::string code_at(const cluster& model, duration later = 0s) {
    return pve::totp_code(totp_secret, pve::totp_counter(model.wall_at(model.now() + later)));
}

void give_totp(cluster& model) {
    const session root(model, "root@pam");
    const auto made = root.ask("POST /access/tfa/carl@pve",
                               {{"type", "totp"}, {"totp", totp_uri}, {"value", code_at(model)}, {"description", "d"}});
    REQUIRE(made.status == 200);
}

std::string challenge_of(cluster& model) {
    const auto first = data_of(log_in(model, {{"username", "carl@pve"}, {"password", "carlspass"}}));
    REQUIRE(first.as_object().contains("NeedTFA"));
    CHECK_FALSE(first.as_object().contains("cap"));
    CHECK(first.at("CSRFPreventionToken").is_string());
    return std::string(first.at("ticket").as_string());
}

}  // namespace

TEST_CASE("who gets a ticket, and the one answer for everybody else") {
    struct row {
        const char* name;
        api::parameters params;
        int status;
        const char* complaint;
    };
    const row rows[] = {
        {"full name", {{"username", "carl@pve"}, {"password", "carlspass"}}, 200, ""},
        {"name and realm", {{"username", "carl"}, {"realm", "pve"}, {"password", "carlspass"}}, 200, ""},
        {"wrong password", {{"username", "carl@pve"}, {"password", "nope"}}, 401, "authentication failure"},
        {"empty password", {{"username", "carl@pve"}, {"password", ""}}, 401, "authentication failure"},
        {"no password set", {{"username", "audit@pve"}, {"password", ""}}, 401, "authentication failure"},
        {"wrong realm", {{"username", "carl@pam"}, {"password", "carlspass"}}, 401, "authentication failure"},
        {"expired user", {{"username", "gone@pve"}, {"password", "gonespass"}}, 401, "authentication failure"},
        {"disabled user", {{"username", "off@pve"}, {"password", "offspass1"}}, 401, "authentication failure"},
        {"realm named twice",
         {{"username", "carl@pve"}, {"realm", "pve"}, {"password", "carlspass"}},
         401,
         "authentication failure"},
        {"one-time password without a second factor",
         {{"username", "carl@pve"}, {"password", "carlspass"}, {"otp", "totp:123456"}},
         401,
         "authentication failure"},
        {"path without privileges",
         {{"username", "carl@pve"}, {"password", "carlspass"}, {"path", "/vms"}},
         400,
         R"({"path":"missing property - 'privs' requires this property"})"},
        {"unknown parameter",
         {{"username", "carl@pve"}, {"password", "carlspass"}, {"x", "1"}},
         400,
         R"({"x":"property is not defined in schema and the schema does not allow additional properties"})"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(people());
            const api::reply answer = log_in(model, r.params);
            CHECK(answer.status == r.status);
            if (std::string(r.name) != "path without privileges") CHECK(complaint_of(answer) == r.complaint);
            CHECK(answer.delay == (r.status == 401 ? 3s : 0s));
        }
    }
}

TEST_CASE("a ticket can be checked instead of made") {
    cluster model(people());
    const session carl(model, "carl@pve");
    const auto check = [&](const std::string& password, const std::string& path, const std::string& privileges) {
        return log_in(model, {{"username", "carl@pve"}, {"password", password}, {"path", path}, {"privs", privileges}});
    };
    const auto good = check(carl.ticket, "/vms/101", "VM.Audit,VM.Console");
    REQUIRE(good.status == 200);
    CHECK(data_of(good).at("username") == "carl@pve");
    CHECK_FALSE(data_of(good).as_object().contains("ticket"));
    CHECK(check("carlspass", "/vms", "VM.Audit").status == 200);
    CHECK(check(carl.ticket, "/vms/101", "VM.Allocate").status == 401);
    CHECK(check(session(model, "root@pam").ticket, "/vms/101", "VM.Audit").status == 401);  // somebody else's
}

TEST_CASE("whose ticket makes a new one") {
    cluster model(people());
    const session root(model, "root@pam");
    const session carl(model, "carl@pve");
    const auto renew = [&](const char* user, const std::string& ticket) {
        return log_in(model, {{"username", user}, {"password", ticket}}).status;
    };
    CHECK(renew("carl@pve", carl.ticket) == 200);
    CHECK(renew("carl@pve", root.ticket) == 200);  // root@pam can be anybody …
    CHECK(renew("gone@pve", root.ticket) == 401);  // … who can come in at all
    CHECK(renew("root@pam", carl.ticket) == 401);
    CHECK(renew("carl@pve", carl.ticket + "A") == 401);
    pass(model, 2h);
    CHECK(renew("carl@pve", carl.ticket) == 401);
}

TEST_CASE("the age of a ticket") {
    struct row {
        std::int64_t seconds;
        bool is_good;
    };
    for (const row& r : {row{0, true}, {7199, true}, {7200, false}, {-299, true}, {-300, false}}) {
        DYNAMIC_SECTION(r.seconds) {
            cluster model(people());
            session root(model, "root@pam");
            root.ticket = model.access().make_ticket("root@pam", model.wall_now() - std::chrono::seconds(r.seconds));
            CHECK((root.ask("GET /version").status == 200) == r.is_good);
            root.renew();
            root.csrf = model.access().make_csrf("root@pam", model.wall_now() - std::chrono::seconds(r.seconds));
            CHECK((root.ask("POST /pools", {{"poolid", "p"}}).status == 200) == r.is_good);
        }
    }
}

TEST_CASE("a ticket that was tampered with") {
    cluster model(people());
    const session root(model, "root@pam");
    session other = root;
    for (const std::string& ticket :
         {"PVE:carl@pve" + root.ticket.substr(12), root.ticket.substr(0, root.ticket.size() - 1), root.ticket + "=",
          std::string("PVE:root@pam:6B00A481::"), std::string("PVE:"), std::string("::")}) {
        other.ticket = ticket;
        CHECK(other.ask("GET /version").reason == "permission denied - invalid PVE ticket");
    }
    session carl(model, "carl@pve");
    carl.csrf = root.csrf;  // bound to the user
    CHECK(carl.ask("PUT /access/password").reason == "Permission denied - invalid csrf token");
}

TEST_CASE("accounts that are closed while a ticket or token is out") {
    cluster model(people());
    const session carl(model, "carl@pve");
    const std::string token = product_token;
    CHECK(carl.ask("GET /version").status == 200);
    REQUIRE(apply_fault(model, "user carl@pve disable"));
    CHECK(carl.ask("GET /version").reason == "user 'carl@pve' is disabled");
    REQUIRE(apply_fault(model, "user carl@pve enable"));
    CHECK(carl.ask("GET /version").status == 200);
    REQUIRE(apply_fault(model, "user carl@pve expire"));
    CHECK(carl.ask("GET /version").reason == "user 'carl@pve' access expired");
    REQUIRE(apply_fault(model, "user carl@pve enable"));
    REQUIRE(apply_fault(model, "ticket revoke"));
    CHECK(carl.ask("GET /version").reason == "permission denied - invalid PVE ticket");
    CHECK(session(model, "carl@pve").ask("GET /version").status == 200);
    REQUIRE(apply_fault(model, "user steward@pve disable"));
    CHECK(ask(model, "GET /version", {}, token).reason == "user 'steward@pve' is disabled");
    CHECK_FALSE(apply_fault(model, "user nobody@pve disable"));
    CHECK_FALSE(apply_fault(model, "user carl@pve promote"));
    CHECK_FALSE(apply_fault(model, "ticket restore"));
}

TEST_CASE("refusals of accounts, before and since 9.1") {
    struct row {
        const char* authorization;
        const char* before;
    };
    const row rows[] = {
        {"PVEAPIToken=gone@pve!t1=77777777-7777-4777-8777-777777777777", "user 'gone@pve' access expired"},
        {"PVEAPIToken=off@pve!t1=88888888-8888-4888-8888-888888888888", "user 'off@pve' is disabled"},
        {"PVEAPIToken=ghost@pve!t1=88888888-8888-4888-8888-888888888888", "no such user ('ghost@pve')"},
        {"PVEAPIToken=carl@pve!t1=88888888-8888-4888-8888-888888888888", "no such token 't1' for user 'carl@pve'"},
        {"PVEAPIToken carl@pve!t1=88888888-8888-4888-8888-888888888888", "no such token 't1' for user 'carl@pve'"},
        {"PVEAPIToken=carl%40pve%21t1%3D88888888", "no such token 't1' for user 'carl@pve'"},
        {"PVEAuthCookie=PVE%3Anobody", "permission denied - invalid PVE ticket"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.authorization) {
            cluster old(people());
            CHECK(ask(old, "GET /version", {}, r.authorization).reason == r.before);
            options o = people();
            o.version = {9, 1};
            cluster newer(o);
            CHECK(ask(newer, "GET /version", {}, r.authorization).reason == "Authentication failed!");
            CHECK(ask(newer, "GET /version", {}, "Bearer x").reason == "No ticket");
        }
    }
}

TEST_CASE("the second factor: asked for, answered once, worth nothing alone") {
    cluster model(people());
    give_totp(model);
    const std::string challenge = challenge_of(model);
    CHECK(challenge.starts_with("PVE:!tfa!{\"totp\"%3Atrue}:"));
    const auto answer = [&](const char* user, const std::string& with, const std::string& response) {
        return log_in(model, {{"username", user}, {"tfa-challenge", with}, {"password", response}});
    };
    CHECK(answer("carl@pve", challenge, "totp:000000").reason == "authentication failure");
    CHECK(answer("carl@pve", challenge, code_at(model)).status == 401);  // of which kind?
    CHECK(answer("steward@pve", challenge, "totp:" + code_at(model)).status == 401);
    CHECK(answer("carl@pve", session(model, "carl@pve").ticket, "totp:" + code_at(model)).status == 401);

    const auto in = answer("carl@pve", challenge, "totp:" + code_at(model));
    REQUIRE(in.status == 200);
    CHECK(data_of(in).at("cap").at("vms").as_object().contains("VM.Console"));
    const std::string ticket(data_of(in).at("ticket").as_string());
    CHECK(answer("carl@pve", challenge, "totp:" + code_at(model)).status == 401);  // a code counts once
    CHECK(answer("carl@pve", challenge, "totp:" + code_at(model, 30s)).status == 200);

    session half(model, "carl@pve");
    half.ticket = challenge;
    CHECK(half.ask("GET /version").reason == "No ticket");
    // A full ticket renews itself without the second factor.
    CHECK_FALSE(
        data_of(log_in(model, {{"username", "carl@pve"}, {"password", ticket}})).as_object().contains("NeedTFA"));
}

TEST_CASE("the second factor in one step, and its limits") {
    cluster model(people());
    give_totp(model);
    const auto at_once = [&](const std::string& otp) {
        return log_in(model, {{"username", "carl@pve"}, {"password", "carlspass"}, {"otp", otp}}).status;
    };
    pass(model, 30s);
    CHECK(at_once("totp:" + code_at(model)) == 200);
    pass(model, 1min);
    CHECK(at_once("totp:" + code_at(model, -120s)) == 401);
    SECTION("eight wrong ones lock it until somebody unlocks it") {
        for (int i = 0; i < 8; ++i) CHECK(at_once("totp:000000") == 401);
        CHECK(at_once("totp:" + code_at(model)) == 401);
        const session root(model, "root@pam");
        CHECK(data_of(root.ask("GET /access/tfa")).at(0).at("totp-locked") == 1);
        CHECK(data_of(root.ask("PUT /access/users/carl@pve/unlock-tfa")) == 1);
        CHECK(data_of(root.ask("PUT /access/users/carl@pve/unlock-tfa")) == 0);
        CHECK(at_once("totp:" + code_at(model)) == 200);
    }
    SECTION("a recovery key works once and takes the lock away") {
        const auto made = session(model, "root@pam").ask("POST /access/tfa/carl@pve", {{"type", "recovery"}});
        const std::string key(data_of(made).at("recovery").at(3).as_string());
        for (int i = 0; i < 8; ++i) CHECK(at_once("totp:000000") == 401);
        CHECK(challenge_of(model).find("\"recovery\"%3A[0,1,2,3,4,5,6,7,8,9]") != std::string::npos);
        CHECK(at_once("recovery:" + key) == 200);
        CHECK(at_once("recovery:" + key) == 401);
        CHECK(at_once("totp:" + code_at(model)) == 200);
        CHECK(challenge_of(model).find("\"recovery\"%3A[0,1,2,4,5,6,7,8,9]") != std::string::npos);
    }
    SECTION("what has been tried is written down, so it takes quorum") {
        REQUIRE(apply_fault(model, "quorum off"));
        CHECK(at_once("totp:" + code_at(model)) == 401);
        REQUIRE(apply_fault(model, "quorum on"));
        CHECK(at_once("totp:" + code_at(model)) == 200);
    }
    SECTION("taken away it is asked for no more") {
        const session root(model, "root@pam");
        const std::string id(data_of(root.ask("GET /access/tfa/carl@pve")).at(0).at("id").as_string());
        CHECK(data_of(root.ask("GET /access/users/carl@pve")).at("keys") == "x");
        CHECK(data_of(root.ask("GET /access/tfa/carl@pve/" + id)).at("type") == "totp");
        CHECK(root.ask("DELETE /access/tfa/carl@pve/" + id).status == 200);
        CHECK(root.ask("GET /access/tfa/carl@pve/" + id).status == 404);
        CHECK_FALSE(data_of(root.ask("GET /access/users/carl@pve")).as_object().contains("keys"));
        CHECK(
            data_of(log_in(model, {{"username", "carl@pve"}, {"password", "carlspass"}})).as_object().contains("cap"));
    }
}

TEST_CASE("setting up a second factor: what is refused") {
    cluster model(people());
    const session carl(model, "carl@pve");
    const std::string good = code_at(model);
    const auto add = [&](api::parameters more) {
        more.emplace_back("type", "totp");
        return complaint_of(carl.ask("POST /access/tfa/carl@pve", more));
    };
    CHECK(add({{"totp", totp_uri}, {"value", good}}) == R"({"password":"password is required to modify user"})");
    CHECK(add({{"totp", totp_uri}, {"value", good}, {"password", "wrong"}}) == "invalid credentials");
    CHECK(add({{"totp", totp_uri}, {"value", "000000"}, {"password", "carlspass"}}) ==
          "failed to verify TOTP challenge");
    CHECK(add({{"totp", "otpauth://hotp/x"}, {"value", good}, {"password", "carlspass"}}) ==
          "failed to parse totp uri");
    CHECK(add({{"totp", totp_uri}, {"value", good}, {"password", "carlspass"}}) == "");
    CHECK(ask(model, "POST /access/tfa/carl@pve", {{"type", "totp"}}).reason.find("need proper ticket") !=
          std::string::npos);
}

TEST_CASE("a changed password: where it counts and who may set it") {
    cluster model(people());
    const session root(model, "root@pam");
    const session carl(model, "carl@pve");
    const auto can_log_in = [&](const char* user, const char* password, const char* node = "n1") {
        api::request what(node_name(node), "POST", "/access/ticket");
        what.params = {{"username", user}, {"password", password}};
        return api::handle(model, what).status == 200;
    };
    CHECK(carl.ask("PUT /access/password", {{"userid", "carl@pve"}, {"password", "newsecret"}}).status == 400);
    CHECK(carl.ask("PUT /access/password",
                   {{"userid", "carl@pve"}, {"password", "newsecret"}, {"confirmation-password", "carlspass"}})
              .status == 200);
    CHECK(can_log_in("carl@pve", "newsecret"));
    CHECK_FALSE(can_log_in("carl@pve", "carlspass"));
    CHECK(model.files().tree().read("priv/shadow.cfg")->find("newsecret") == std::string::npos);
    CHECK(carl.ask("PUT /access/password", {{"userid", "root@pam"}, {"password", "newsecret"}}).reason ==
          "Permission check failed (/access/realm/pam, Realm.AllocateUser)");
    // The system's own passwords are those of one node.
    CHECK(root.ask("PUT /access/password", {{"userid", "root@pam"}, {"password", "rootsecret"}}).status == 200);
    CHECK(can_log_in("root@pam", "rootsecret"));
    CHECK(can_log_in("root@pam", "simulated", "n2"));
    CHECK(complaint_of(root.ask("PUT /access/password", {{"userid", "ghost@pve"}, {"password", "newsecret"}})) ==
          "no such user ('ghost@pve')");
    CHECK(root.ask("PUT /access/password", {{"userid", "carl@pve"}, {"password", "short"}}).status == 400);
}
