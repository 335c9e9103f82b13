#include "pve/shell/permission_words.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <fmt/core.h>

namespace steward::pve::shell {
namespace json = boost::json;

namespace {

std::string text_at(const json::array& rule, std::size_t at) {
    return at < rule.size() && rule[at].is_string() ? std::string(rule[at].get_string()) : std::string();
}

/// Without ["any", 1] every privilege is needed.
std::string privileges(const json::array& rule, std::size_t at) {
    if (at >= rule.size() || !rule[at].is_array()) return text_at(rule, at);
    const bool is_any = text_at(rule, at + 1) == "any";
    std::string out;
    for (const json::value& v : rule[at].get_array()) {
        if (!v.is_string()) continue;
        if (!out.empty()) out += is_any ? " or " : " and ";
        out += std::string(v.get_string());
    }
    return out;
}

std::string in_words(const json::array& rule, bool is_inner);

std::string joined(const json::array& rule, std::string_view word, bool is_inner) {
    std::string out;
    for (std::size_t i = 1; i < rule.size(); ++i) {
        if (!rule[i].is_array()) continue;
        if (!out.empty()) out += word;
        out += in_words(rule[i].get_array(), true);
    }
    return is_inner ? "(" + out + ")" : out;
}

std::string in_words(const json::array& rule, bool is_inner) {
    const std::string kind = text_at(rule, 0);
    if (kind == "and" || kind == "or") return joined(rule, kind == "and" ? ", and " : ", or ", is_inner);
    if (kind == "perm") {
        const std::string words = fmt::format("{} on {}", privileges(rule, 2), text_at(rule, 1));
        const bool is_conditional = text_at(rule, 3) == "require_param";
        return is_conditional ? fmt::format("{} when {} is given", words, text_at(rule, 4)) : words;
    }
    if (kind == "perm-modify") return "the right to change permissions on " + text_at(rule, 1);
    if (kind == "userid-group") return privileges(rule, 1) + " on a group of the user";
    if (kind == "userid-param" && text_at(rule, 1) == "self") return "the user itself";
    if (kind == "userid-param") return text_at(rule, 1) + " on the realm of the user";
    return json::serialize(rule);
}

}  // namespace

std::string permission_words(std::string_view rule) {
    if (rule == "all") return "every user";
    if (rule == "world") return "everybody, without a log-in";
    if (rule == "code") return "decided by the call itself";
    if (rule == "root") return "root@pam only";
    boost::system::error_code ec;
    const json::value read = json::parse(json::string_view(rule.data(), rule.size()), ec);
    return !ec && read.is_array() ? in_words(read.get_array(), false) : std::string(rule);
}

}  // namespace steward::pve::shell
