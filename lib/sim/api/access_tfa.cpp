#include "pve/totp.hpp"
#include "sim/api/access.hpp"
#include "sim/model/second_factors.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* file = "priv/tfa.cfg";
constexpr const char* lock = "file-priv_tfa_cfg";
constexpr const char* recovery_id = "recovery";
constexpr int recovery_keys = 10;

second_factors read_factors(const call& c) { return second_factors::parse(c.files().tree().read(file).value_or("")); }

void write_factors(call& c, const second_factors& all) { c.model.files().tree().write(file, all.text()); }

json::object totp_row(const totp_factor& f) {
    json::object row{{"id", f.id}, {"type", "totp"}, {"description", f.description}, {"created", f.created}};
    if (!f.enable) row["enable"] = 0;
    return row;
}

json::array rows_of(const factors_of_user* u) {
    json::array rows;
    if (u == nullptr) return rows;
    for (const totp_factor& f : u->totp) rows.push_back(totp_row(f));
    if (u->recovery)
        rows.push_back(json::object{
            {"id", recovery_id}, {"type", "recovery"}, {"description", ""}, {"created", u->recovery->created}});
    return rows;
}

reply list_all(call& c) {
    json::array rows;
    for (const auto& [id, u] : read_factors(c).users) {
        if (!may_see_user(c, id)) continue;
        json::object row{{"userid", id}, {"entries", rows_of(&u)}};
        if (u.totp_locked) row["totp-locked"] = 1;
        if (u.locked_until > c.model.wall_now(c.at).time_since_epoch().count())
            row["tfa-locked-until"] = u.locked_until;
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply list_of_user(call& c) {
    const second_factors all = read_factors(c);
    return ok(rows_of(all.find(c.path.at("userid"))));
}

reply read_one(call& c) {
    const second_factors all = read_factors(c);
    for (const json::value& row : rows_of(all.find(c.path.at("userid"))))
        if (row.at("id").as_string() == c.path.at("id").c_str()) return ok(row);
    return error(404, fmt::format("No such tfa entry '{}'", c.path.at("id")));
}

/// GET /access/users/{userid}/tfa: the kinds that a user has.
reply kinds_of_user(call& c) {
    const second_factors all = read_factors(c);
    const factors_of_user* u = all.find(c.path.at("userid"));
    json::object row;
    if (c.flag("multiple")) {
        json::array kinds;
        if (u != nullptr && !u->totp.empty()) kinds.emplace_back("totp");
        if (u != nullptr && u->recovery) kinds.emplace_back("recovery");
        row["user"] = std::move(kinds);
    } else if (u != nullptr && !u->totp.empty()) {
        row["user"] = "oath";
    }
    return ok(std::move(row));
}

reply unlock(call& c) {
    if (auto waiting = await_cluster_lock(c, lock)) return *waiting;
    second_factors all = read_factors(c);
    const auto found = all.users.find(c.path.at("userid"));
    const bool was_locked =
        found != all.users.end() &&
        (found->second.totp_locked || found->second.locked_until > c.model.wall_now(c.at).time_since_epoch().count());
    if (was_locked) {
        found->second.totp_locked = false;
        found->second.totp_failures = 0;
        found->second.failures = 0;
        found->second.locked_until = 0;
        write_factors(c, all);
    }
    return ok(was_locked ? 1 : 0);
}

/// user.cfg says of a user with second factors to look for them.
std::optional<reply> mark_user(call& c, bool has_factors) {
    return change_users(c, "enabling TFA for the user failed", [&](user_config& users) -> complaint {
        const auto found = users.users.find(c.path.at("userid"));
        if (found != users.users.end()) found->second.keys = has_factors ? "x" : "";
        return std::nullopt;
    });
}

std::string new_id(call& c) {
    return fmt::format("{:08x}-0000-4000-8000-{:012x}", c.model.chance().next() & 0xFFFFFFFFU,
                       c.model.chance().next() & 0xFFFFFFFFFFFFU);
}

/// The code proves that the user's device has the key.
complaint add_totp(call& c, factors_of_user& u, json::object& answer) {
    if (!c.has("totp")) return "missing parameter 'totp'";
    const auto key = totp_key(c.get("totp"));
    if (!key) return "failed to parse totp uri";
    const std::uint64_t step = pve::totp_counter(c.model.wall_now(c.at));
    bool is_right = false;
    for (std::uint64_t at = step - 1; at <= step + 1; ++at)
        is_right = is_right || pve::totp_code(*key, at) == c.get("value");
    if (!is_right) return "failed to verify TOTP challenge";
    totp_factor f;
    f.id = new_id(c);
    f.description = c.get("description");
    f.created = c.model.wall_now(c.at).time_since_epoch().count();
    f.uri = c.get("totp");
    answer["id"] = f.id;
    u.totp.push_back(std::move(f));
    return std::nullopt;
}

complaint add_recovery(call& c, factors_of_user& u, json::object& answer) {
    if (u.recovery) return "user already has recovery keys";
    u.recovery.emplace();
    u.recovery->created = c.model.wall_now(c.at).time_since_epoch().count();
    json::array keys;
    for (int i = 0; i < recovery_keys; ++i) {
        const std::uint64_t r = c.model.chance().next();
        const std::string key =
            fmt::format("{:04x}-{:04x}-{:04x}-{:04x}", r >> 48U, r >> 32U & 0xFFFFU, r >> 16U & 0xFFFFU, r & 0xFFFFU);
        u.recovery->hashes.push_back(recovery_hash(key));
        keys.emplace_back(key);
    }
    answer["id"] = recovery_id;
    answer["recovery"] = std::move(keys);
    return std::nullopt;
}

reply add(call& c) {
    const std::string userid = c.path.at("userid");
    if (auto refused = confirm_password(c, userid, "password")) return *refused;
    if (auto waiting = await_cluster_lock(c, lock)) return *waiting;
    if (auto waiting = await_cluster_lock(c, "file-user_cfg", "enabling TFA for the user failed: ")) return *waiting;
    second_factors all = read_factors(c);
    json::object answer;
    complaint why;
    const std::string type = c.get("type");
    if (type == "totp")
        why = add_totp(c, all.users[userid], answer);
    else if (type == "recovery")
        why = add_recovery(c, all.users[userid], answer);
    else if (type == "yubico")
        why = fmt::format("no yubico otp configuration available for realm {}", realm_of(userid));
    else
        why = fmt::format("no {} configuration available", type);
    if (why) return error(500, *why);
    if (auto refused = mark_user(c, true)) return *refused;
    write_factors(c, all);
    return ok(std::move(answer));
}

reply update(call& c) {
    if (auto refused = confirm_password(c, c.path.at("userid"), "password")) return *refused;
    if (auto waiting = await_cluster_lock(c, lock)) return *waiting;
    second_factors all = read_factors(c);
    for (totp_factor& f : all.users[c.path.at("userid")].totp) {
        if (f.id != c.path.at("id")) continue;
        f.description = c.get("description", f.description);
        if (c.has("enable")) f.enable = c.flag("enable");
        write_factors(c, all);
        return ok(nullptr);
    }
    return error(500, "no such entry");
}

reply remove(call& c) {
    if (auto refused = confirm_password(c, c.path.at("userid"), "password")) return *refused;
    if (auto waiting = await_cluster_lock(c, lock)) return *waiting;
    if (auto waiting = await_cluster_lock(c, "file-user_cfg", "enabling TFA for the user failed: ")) return *waiting;
    second_factors all = read_factors(c);
    factors_of_user& u = all.users[c.path.at("userid")];
    const std::size_t removed = std::erase_if(u.totp, [&](const totp_factor& f) { return f.id == c.path.at("id"); });
    if (removed == 0 && (c.path.at("id") != recovery_id || !u.recovery))
        return error(404, fmt::format("No such tfa entry '{}'", c.path.at("id")));
    if (removed == 0) u.recovery.reset();
    const bool has_none = u.empty();
    write_factors(c, all);
    if (has_none)
        if (auto refused = mark_user(c, false)) return *refused;
    return ok(nullptr);
}

}  // namespace

const std::vector<route>& second_factor_routes() {
    static const std::vector<route> routes = {
        {"GET", "/access/tfa", list_all},
        {"GET", "/access/tfa/{userid}", list_of_user},
        {"POST", "/access/tfa/{userid}", add},
        {"GET", "/access/tfa/{userid}/{id}", read_one},
        {"PUT", "/access/tfa/{userid}/{id}", update},
        {"DELETE", "/access/tfa/{userid}/{id}", remove},
        {"GET", "/access/users/{userid}/tfa", kinds_of_user},
        {"PUT", "/access/users/{userid}/unlock-tfa", unlock},
    };
    return routes;
}

}  // namespace steward::sim::api
