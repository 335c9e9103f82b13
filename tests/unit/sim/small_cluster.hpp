#pragma once
#include "sim/api/api.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/faults.hpp"

#include <boost/json/parse.hpp>

#include <chrono>
#include <string>

namespace steward::sim {

inline constexpr guest_id ct101{guest_type::ct, vmid(101)};
inline constexpr guest_id ct102{guest_type::ct, vmid(102)};
inline constexpr guest_id vm103{guest_type::vm, vmid(103)};

/// n1…n3 with ct101@n1, ct102@n2, vm103@n3, a stopped ct110@n1, and tokens of three kinds.
inline options small_options() {
    guest_options stopped(guest_id(guest_type::ct, vmid(110)), node_name("n1"));
    stopped.running = false;
    options o = make_options(3, {guest_options(ct101, node_name("n1")), guest_options(ct102, node_name("n2")),
                                 guest_options(vm103, node_name("n3")), stopped});
    o.wall_start = wall_time(std::chrono::seconds(1795204422));
    o.tokens.emplace_back("root@pam!full", "11111111-1111-4111-8111-111111111111", false);
    o.tokens.emplace_back("steward@pve!old", "55555555-5555-4555-8555-555555555555", false);
    o.tokens.back().expires = o.wall_start - std::chrono::hours(1);
    o.tokens.emplace_back("steward@pve!sep", "66666666-6666-4666-8666-666666666666", true);
    o.users.emplace_back("audit@pve", "");
    o.tokens.emplace_back("audit@pve!ro", "33333333-3333-4333-8333-333333333333", false);
    o.acl.emplace_back("/", "audit@pve", std::set<std::string>{"VM.Audit", "Sys.Audit", "Datastore.Audit"});
    return o;
}

inline const std::string root_token = "PVEAPIToken=root@pam!full=11111111-1111-4111-8111-111111111111";
inline const std::string product_token = std::string("PVEAPIToken=") + failover_token_id + "=" + failover_token_secret;
inline const std::string audit_token = "PVEAPIToken=audit@pve!ro=33333333-3333-4333-8333-333333333333";

/// "GET /nodes/n1/lxc", asked of n1.
inline api::reply ask(cluster& model, const std::string& line, api::parameters params = {},
                      const std::string& token = root_token) {
    const std::size_t blank = line.find(' ');
    api::request what(node_name("n1"), line.substr(0, blank), line.substr(blank + 1));
    what.params = std::move(params);
    what.who.authorization = token;
    api::reply answer = api::handle(model, what);
    duration waited{};
    while (answer.what_happens == api::reply::fate::again) {
        waited += answer.delay;
        model.advance_to(model.now() + answer.delay);
        answer = api::handle(model, what);
    }
    answer.delay += waited;
    return answer;
}

inline boost::json::value data_of(const api::reply& r) { return boost::json::parse(r.body).at("data"); }

inline std::string text_of(const api::reply& r) { return std::string(data_of(r).as_string()); }

inline void pass(cluster& model, duration time) { model.advance_to(model.now() + time); }

/// How a task ended; "" while it runs.
inline std::string exit_of(const cluster& model, const std::string& upid) { return model.tasks().at(upid).exit_text; }

/// The only archive of a guest on the shared backup storage.
inline std::string archive_of(const cluster& model, guest_id guest) {
    for (const archive& a : model.archives(storage_id("backup"), node_name("n1")))
        if (a.guest == guest) return a.id.str();
    return {};
}

}  // namespace steward::sim
