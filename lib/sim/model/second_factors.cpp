#include "sim/model/second_factors.hpp"

#include "base/sha1.hpp"
#include "pve/totp.hpp"
#include "sim/model/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

namespace json = boost::json;

namespace {

// PVE's limits: wrong one-time passwords in a row, wrong answers of any kind, and how long those lock.
constexpr int totp_attempts = 8;
constexpr int attempts = 100;
constexpr std::int64_t lock_seconds = 3600;

std::string text_in(const json::object& o, const char* key) {
    const json::value* v = o.if_contains(key);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::int64_t number_in(const json::object& o, const char* key) {
    const json::value* v = o.if_contains(key);
    return v != nullptr && v->is_number() ? v->to_number<std::int64_t>() : 0;
}

bool flag_in(const json::object& o, const char* key, bool otherwise) {
    const json::value* v = o.if_contains(key);
    return v != nullptr && v->is_bool() ? v->get_bool() : otherwise;
}

totp_factor read_totp(const json::object& o) {
    totp_factor f;
    const json::value* info = o.if_contains("info");
    if (info != nullptr && info->is_object()) {
        f.id = text_in(info->get_object(), "id");
        f.description = text_in(info->get_object(), "description");
        f.created = number_in(info->get_object(), "created");
        f.enable = flag_in(info->get_object(), "enable", true);
    }
    f.uri = text_in(o, "entry");
    f.last_step = static_cast<std::uint64_t>(number_in(o, "last-count"));
    return f;
}

factors_of_user read_user(const json::object& o) {
    factors_of_user u;
    if (const json::value* list = o.if_contains("totp"); list != nullptr && list->is_array())
        for (const json::value& each : list->get_array())
            if (each.is_object()) u.totp.push_back(read_totp(each.get_object()));
    if (const json::value* r = o.if_contains("recovery"); r != nullptr && r->is_object()) {
        u.recovery.emplace();
        u.recovery->created = number_in(r->get_object(), "created");
        if (const json::value* keys = r->get_object().if_contains("entries"); keys != nullptr && keys->is_array())
            for (const json::value& k : keys->get_array())
                u.recovery->hashes.push_back(k.is_string() ? std::string(k.get_string()) : "");
    }
    u.totp_failures = static_cast<int>(number_in(o, "totp-failures"));
    u.totp_locked = flag_in(o, "totp-locked", false);
    u.failures = static_cast<int>(number_in(o, "tfa-failures"));
    u.locked_until = number_in(o, "tfa-locked-until");
    return u;
}

json::object write_user(const factors_of_user& u) {
    json::object o;
    json::array totp;
    for (const totp_factor& f : u.totp) {
        json::object info{{"id", f.id}, {"description", f.description}, {"created", f.created}};
        if (!f.enable) info["enable"] = false;
        totp.push_back(json::object{{"info", std::move(info)}, {"entry", f.uri}, {"last-count", f.last_step}});
    }
    if (!totp.empty()) o["totp"] = std::move(totp);
    if (u.recovery) {
        json::array keys;
        for (const std::string& h : u.recovery->hashes) keys.push_back(h.empty() ? json::value() : json::value(h));
        o["recovery"] = json::object{{"created", u.recovery->created}, {"entries", std::move(keys)}};
    }
    if (u.totp_failures != 0) o["totp-failures"] = u.totp_failures;
    if (u.totp_locked) o["totp-locked"] = true;
    if (u.failures != 0) o["tfa-failures"] = u.failures;
    if (u.locked_until != 0) o["tfa-locked-until"] = u.locked_until;
    return o;
}

/// The code of this step or of one beside it, unless that step or a later one has been used.
bool use_totp(factors_of_user& u, std::string_view code, wall_time now) {
    const std::uint64_t step = pve::totp_counter(now);
    for (totp_factor& f : u.totp) {
        const auto key = totp_key(f.uri);
        if (!f.enable || !key) continue;
        for (std::uint64_t at = step - 1; at <= step + 1; ++at) {
            if (at <= f.last_step || pve::totp_code(*key, at) != code) continue;
            f.last_step = at;
            return true;
        }
    }
    return false;
}

bool use_recovery_key(factors_of_user& u, std::string_view key) {
    if (!u.recovery) return false;
    const auto found = std::find(u.recovery->hashes.begin(), u.recovery->hashes.end(), recovery_hash(key));
    if (found == u.recovery->hashes.end()) return false;
    found->clear();
    u.totp_locked = false;
    return true;
}

}  // namespace

second_factors second_factors::parse(std::string_view text) {
    second_factors all;
    json::error_code ec;
    const json::value parsed = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec || !parsed.is_object()) return all;
    const json::value* users = parsed.get_object().if_contains("users");
    if (users == nullptr || !users->is_object()) return all;
    for (const auto& [id, user] : users->get_object())
        if (user.is_object()) all.users[std::string(id)] = read_user(user.get_object());
    return all;
}

std::string second_factors::text() const {
    json::object by_user;
    for (const auto& [id, user] : users)
        if (!user.empty()) by_user[id] = write_user(user);
    return json::serialize(json::object{{"users", std::move(by_user)}}) + "\n";
}

const factors_of_user* second_factors::find(const std::string& userid) const {
    const auto found = users.find(userid);
    return found == users.end() || found->second.empty() ? nullptr : &found->second;
}

std::optional<std::string> second_factors::challenge(const std::string& userid) const {
    const factors_of_user* u = find(userid);
    if (u == nullptr) return std::nullopt;
    json::object kinds;
    if (std::any_of(u->totp.begin(), u->totp.end(), [](const totp_factor& f) { return f.enable; }))
        kinds["totp"] = true;
    if (u->recovery) {
        json::array left;
        for (std::size_t i = 0; i < u->recovery->hashes.size(); ++i)
            if (!u->recovery->hashes[i].empty()) left.push_back(static_cast<std::int64_t>(i));
        kinds["recovery"] = std::move(left);
    }
    if (kinds.empty()) return std::nullopt;
    return json::serialize(kinds);
}

bool second_factors::verify(const std::string& userid, std::string_view response, wall_time now) {
    const auto found = users.find(userid);
    if (found == users.end()) return false;
    factors_of_user& u = found->second;
    const std::int64_t seconds = now.time_since_epoch().count();
    if (u.locked_until > seconds) return false;
    const std::size_t colon = response.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view kind = response.substr(0, colon);
    const std::string_view answer = response.substr(colon + 1);
    const bool is_totp = kind == "totp";
    const bool is_right =
        is_totp ? !u.totp_locked && use_totp(u, answer, now) : kind == "recovery" && use_recovery_key(u, answer);
    if (is_right) {
        u.totp_failures = 0;
        u.failures = 0;
        u.locked_until = 0;
        return true;
    }
    if (is_totp && ++u.totp_failures >= totp_attempts) u.totp_locked = true;
    if (++u.failures >= attempts) {
        u.failures = 0;
        u.locked_until = seconds + lock_seconds;
    }
    return false;
}

std::optional<std::string> totp_key(std::string_view uri) {
    if (!uri.starts_with("otpauth://totp/")) return std::nullopt;
    const std::size_t mark = uri.find('?');
    if (mark == std::string_view::npos) return std::nullopt;
    for (const std::string& pair : split_at(uri.substr(mark + 1), '&')) {
        constexpr std::string_view wanted = "secret=";
        if (!pair.starts_with(wanted)) continue;
        const auto key = pve::decode_base32(std::string_view(pair).substr(wanted.size()));
        if (key) return *key;
    }
    return std::nullopt;
}

std::string recovery_hash(std::string_view key) { return sha1_hex(fmt::format("recovery {}", key)); }

}  // namespace steward::sim
