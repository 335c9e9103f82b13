#include "sim/model/text.hpp"
#include "sim/model/user_config.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/core.h>
#include <vector>

namespace steward::sim {
namespace {

constexpr std::string_view alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool consists_of(std::string_view text, std::string_view more) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return alphanumeric.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
    });
}

bool is_name(std::string_view text) { return consists_of(text, "._-"); }

/// A realm, and what follows the '!' of a token id: a letter, then at least one more.
bool is_word(std::string_view text) {
    return text.size() >= 2 && std::isalpha(static_cast<unsigned char>(text.front())) != 0 && is_name(text);
}

bool is_number(std::string_view text, std::size_t shortest, std::size_t longest) {
    return text.size() >= shortest && text.size() <= longest && text.front() != '0' &&
           text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The parts below a root of the tree, the root itself left out.
using parts = std::vector<std::string>;

bool names(const parts& p, std::size_t at_most) {
    return p.size() <= at_most &&
           std::all_of(p.begin(), p.end(), [](const std::string& each) { return is_name(each); });
}

bool is_sdn_path(const parts& p) {
    if (p.empty()) return true;
    if (p[0] == "zones") {
        if (p.size() == 4) return names({p[1], p[2]}, 2) && is_number(p[3], 1, 4);
        return names(p, 3);
    }
    static constexpr std::array kinds = {"controllers", "dns", "fabrics", "ipams", "prefix-lists", "route-maps"};
    if (std::find(kinds.begin(), kinds.end(), p[0]) == kinds.end()) return false;
    return p.size() == 1 || (p.size() == 2 && consists_of(p[1], "_-"));
}

}  // namespace

std::optional<std::pair<std::string, std::string>> split_token_id(std::string_view id) {
    const std::size_t bang = id.rfind('!');
    if (bang == std::string_view::npos || !is_word(id.substr(bang + 1))) return std::nullopt;
    const std::string_view user = id.substr(0, bang);
    const std::size_t at = user.rfind('@');
    if (at == std::string_view::npos || at == 0 || !is_word(user.substr(at + 1))) return std::nullopt;
    if (user.substr(0, at).find_first_of(" \t\r\n:/") != std::string_view::npos) return std::nullopt;
    return std::pair(std::string(user), std::string(id.substr(bang + 1)));
}

bool is_userid(std::string_view text) {
    const std::size_t at = text.rfind('@');
    if (text.size() < 3 || text.size() > 64 || at == std::string_view::npos || at == 0) return false;
    return is_word(text.substr(at + 1)) && text.substr(0, at).find_first_of(" \t\r\n:/") == std::string_view::npos;
}

std::string realm_of(const std::string& userid) {
    const std::size_t at = userid.rfind('@');
    return at == std::string::npos ? std::string() : userid.substr(at + 1);
}

std::optional<std::string> normalised_acl_path(std::string_view path) {
    if (path.empty() || !consists_of(path, "._-/")) return std::nullopt;
    std::string out;
    for (const std::string& part : split_at(path, '/'))
        if (!part.empty()) out += "/" + part;
    return out.empty() ? "/" : out;
}

bool is_acl_path(const std::string& path) {
    if (path == "/") return true;
    if (!path.starts_with("/") || path.ends_with("/")) return false;
    parts p = split_at(std::string_view(path).substr(1), '/');
    const std::string root = p.front();
    p.erase(p.begin());
    if (root == "access")
        return p.empty() || ((p[0] == "groups" || p[0] == "realm") && names({p.begin() + 1, p.end()}, 1));
    if (root == "nodes" || root == "storage") return names(p, 1);
    if (root == "pool") return names(p, 3);
    if (root == "sdn") return is_sdn_path(p);
    if (root == "vms") return p.empty() || (p.size() == 1 && is_number(p[0], 3, 18));
    if (root == "mapping") return names(p, 2);
    return false;
}

std::string encode_field(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c < ' ' || c > '~' || c == '%' || c == ':')
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    return out;
}

}  // namespace steward::sim
