#include "sim/model/privileges.hpp"

#include "base/sha1.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fmt/core.h>

namespace steward::sim {
namespace {

using std::chrono::seconds;

std::string base64(std::string_view bytes) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(c);
        for (held += 8; held >= 6; held -= 6) out += digits[bits >> static_cast<unsigned>(held - 6) & 63U];
    }
    if (held > 0) out += digits[bits << static_cast<unsigned>(6 - held) & 63U];
    while (out.size() % 4 != 0) out += '=';
    return out;
}

std::string bytes_of(const std::string& hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        int value = 0;
        std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
        out += static_cast<char>(value);
    }
    return out;
}

/// As long as PVE's RSA signature (256 bytes), so that clients meet a ticket of real size with '+', '/' and '='.
std::string signature(const std::string& secret, const std::string& text) {
    std::string bytes;
    for (int block = 0; bytes.size() < 256; ++block)
        bytes += bytes_of(sha1_hex(fmt::format("{}{}{}", secret, block, text)));
    bytes.resize(256);
    return base64(bytes);
}

/// PVE accepts ages from -300 s to 7200 s (pve-facts A.2).
bool is_current(std::string_view hex_time, wall_time now) {
    std::int64_t stamp = 0;
    if (std::from_chars(hex_time.data(), hex_time.data() + hex_time.size(), stamp, 16).ec != std::errc()) return false;
    const std::int64_t age = now.time_since_epoch().count() - stamp;
    return age > -300 && age < 7200;
}

fault refuse(std::string reason) { return fault(errc::unauthorized, "authenticate", std::move(reason)); }

std::string cookie_ticket(const std::string& cookie) {
    constexpr std::string_view key = "PVEAuthCookie=";
    for (std::size_t at = cookie.find(key); at != std::string::npos; at = cookie.find(key, at + 1)) {
        // The key must follow a blank or stand first (pve-facts A.4).
        if (at != 0 && cookie[at - 1] != ' ' && cookie[at - 1] != '\t') continue;
        const std::size_t begin = at + key.size();
        return percent_decode(cookie.substr(begin, cookie.find(';', begin) - begin));
    }
    return {};
}

}  // namespace

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

const std::set<std::string>& all_privileges() {
    static const std::set<std::string> all = {"Datastore.Allocate",
                                              "Datastore.AllocateSpace",
                                              "Datastore.AllocateTemplate",
                                              "Datastore.Audit",
                                              "Group.Allocate",
                                              "Mapping.Audit",
                                              "Mapping.Modify",
                                              "Mapping.Use",
                                              "Permissions.Modify",
                                              "Pool.Allocate",
                                              "Pool.Audit",
                                              "Realm.Allocate",
                                              "Realm.AllocateUser",
                                              "SDN.Allocate",
                                              "SDN.Audit",
                                              "SDN.Use",
                                              "Sys.AccessNetwork",
                                              "Sys.Audit",
                                              "Sys.Console",
                                              "Sys.Incoming",
                                              "Sys.Modify",
                                              "Sys.PowerMgmt",
                                              "Sys.Syslog",
                                              "User.Modify",
                                              "VM.Allocate",
                                              "VM.Audit",
                                              "VM.Backup",
                                              "VM.Clone",
                                              "VM.Config.CDROM",
                                              "VM.Config.CPU",
                                              "VM.Config.Cloudinit",
                                              "VM.Config.Disk",
                                              "VM.Config.HWType",
                                              "VM.Config.Memory",
                                              "VM.Config.Network",
                                              "VM.Config.Options",
                                              "VM.Console",
                                              "VM.Migrate",
                                              "VM.Monitor",
                                              "VM.PowerMgmt",
                                              "VM.Snapshot",
                                              "VM.Snapshot.Rollback"};
    return all;
}

access_control::access_control(const options& o)
    : users_(o.users), tokens_(o.tokens), acl_(o.acl), secret_(fmt::format("{}-{}", o.cluster_name, o.seed)) {}

std::string access_control::make_ticket(const std::string& userid, wall_time now) const {
    const std::string plain = fmt::format("PVE:{}:{:08X}", userid, now.time_since_epoch().count());
    return plain + "::" + signature(secret_, plain);
}

std::string access_control::make_csrf(const std::string& userid, wall_time now) const {
    const std::string stamp = fmt::format("{:08X}", now.time_since_epoch().count());
    return stamp + ":" + signature(secret_, "csrf" + stamp + ":" + userid).substr(0, 43);
}

result<identity> access_control::check_ticket(const std::string& ticket, wall_time now) const {
    const fault invalid = refuse("permission denied - invalid PVE ticket");
    const std::size_t split = ticket.find("::");
    if (split == std::string::npos || !ticket.starts_with("PVE:")) return invalid;
    const std::string plain = ticket.substr(0, split);
    if (ticket.substr(split + 2) != signature(secret_, plain)) return invalid;
    const std::size_t stamp = plain.rfind(':');
    if (stamp < 5 || !is_current(std::string_view(plain).substr(stamp + 1), now)) return invalid;
    return identity(plain.substr(4, stamp - 4));
}

result<identity> access_control::check_token(std::string value, wall_time now) const {
    value = percent_decode(value);
    const std::size_t equals = value.rfind('=');
    const std::string id = value.substr(0, equals);
    if (equals == std::string::npos || id.empty()) return refuse("no tokenid specified");
    const std::size_t bang = id.find('!');
    const std::string user = id.substr(0, bang);
    if (bang == std::string::npos || user.find('@') == std::string::npos)
        return refuse(fmt::format("'{}' is not a valid token ID - not able to split into user and token parts", id));
    const auto known = std::find_if(users_.begin(), users_.end(), [&](const user_options& u) { return u.id == user; });
    if (known == users_.end()) return refuse(fmt::format("no such user ('{}')", user));
    const auto token = std::find_if(tokens_.begin(), tokens_.end(), [&](const token_options& t) { return t.id == id; });
    if (token == tokens_.end() || tokens_revoked)
        return refuse(fmt::format("no such token '{}' for user '{}'", id.substr(bang + 1), user));
    if (token->expires != wall_time{} && token->expires <= now)
        return refuse(fmt::format("token '{}' access expired", id.substr(bang + 1)));
    if (token->secret != value.substr(equals + 1)) return refuse("invalid token value!");
    identity who(user);
    who.token = id;
    return who;
}

result<identity> access_control::authenticate(const credentials& given, bool is_write, wall_time now) const {
    std::string ticket = cookie_ticket(given.cookie);
    constexpr std::string_view as_header = "PVEAuthCookie=";
    if (ticket.empty() && given.authorization.starts_with(as_header))
        ticket = percent_decode(given.authorization.substr(as_header.size()));
    // A ticket wins over a token, even an invalid one (pve-facts A.4).
    if (!ticket.empty()) {
        auto who = check_ticket(ticket, now);
        if (!who || !is_write) return who;
        const std::size_t colon = given.csrf.find(':');
        const bool genuine =
            colon != std::string::npos && is_current(given.csrf.substr(0, colon), now) &&
            given.csrf.substr(colon + 1) ==
                signature(secret_, "csrf" + given.csrf.substr(0, colon) + ":" + who->user).substr(0, 43);
        if (!genuine) return refuse("Permission denied - invalid csrf token");
        return who;
    }
    constexpr std::string_view token = "PVEAPIToken";
    if (given.authorization.starts_with(token) && given.authorization.size() > token.size() &&
        (given.authorization[token.size()] == '=' || given.authorization[token.size()] == ' '))
        return check_token(given.authorization.substr(token.size() + 1), now);
    return refuse("No ticket");
}

bool access_control::verify_password(const std::string& userid, const std::string& password, wall_time now) const {
    const auto known =
        std::find_if(users_.begin(), users_.end(), [&](const user_options& u) { return u.id == userid; });
    if (known == users_.end()) return false;
    if (!known->password.empty() && known->password == password) return true;
    const auto renewal = check_ticket(percent_decode(password), now);
    return renewal && (renewal->user == userid || renewal->is_root());
}

std::map<std::string, bool> access_control::own(const std::string& subject, const std::string& path) const {
    std::vector<std::string> levels = {"/"};
    for (std::size_t end = 1; path.size() > 1 && end != std::string::npos;) {
        end = path.find('/', end + 1);
        levels.push_back(path.substr(0, end));
    }
    std::map<std::string, bool> held;
    for (const std::string& level : levels) {
        std::map<std::string, bool> here;
        for (const acl_entry& entry : acl_)
            if (entry.subject == subject && entry.path == level && (entry.propagate || level == path))
                for (const std::string& privilege : entry.privileges) here[privilege] = entry.propagate;
        // An entry nearer to the path replaces everything inherited so far.
        if (!here.empty()) held = std::move(here);
    }
    return held;
}

std::map<std::string, bool> access_control::privileges(const identity& who, const std::string& path) const {
    std::map<std::string, bool> held;
    if (who.user == "root@pam")
        for (const std::string& privilege : all_privileges()) held[privilege] = true;
    else
        held = own(who.user, path);
    if (who.is_root()) return held;
    const auto token =
        std::find_if(tokens_.begin(), tokens_.end(), [&](const token_options& t) { return t.id == who.token; });
    if (token != tokens_.end() && token->privsep) {
        const auto mine = own(who.token, path);
        std::erase_if(held, [&](const auto& privilege) { return mine.count(privilege.first) == 0; });
    }
    std::erase_if(held, [&](const auto& privilege) { return denied.count(privilege.first) != 0; });
    return held;
}

bool access_control::has(const identity& who, const std::string& path, std::string_view privilege) const {
    return privileges(who, path).count(std::string(privilege)) != 0;
}

std::vector<std::string> access_control::groups_of(const std::string&) const { return {}; }

std::vector<std::string> access_control::known_paths() const {
    std::set<std::string> paths = {"/",     "/access", "/access/groups", "/mapping", "/nodes",
                                   "/pool", "/sdn",    "/storage",       "/vms"};
    for (const acl_entry& entry : acl_) paths.insert(entry.path);
    return {paths.begin(), paths.end()};
}

}  // namespace steward::sim
