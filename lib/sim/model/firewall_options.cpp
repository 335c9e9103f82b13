#include "sim/model/firewall_options.hpp"

#include "sim/model/firewall_text.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>

namespace steward::sim {

namespace {

enum class kind { flag, number, level, policy, forward_policy, helpers, word };

using table = std::map<std::string, kind>;

const table& known(firewall_scope scope) {
    static const table of_cluster = {{"enable", kind::number},         {"ebtables", kind::flag},
                                     {"policy_in", kind::policy},      {"policy_out", kind::policy},
                                     {"policy_forward", kind::policy}, {"log_ratelimit", kind::word}};
    static const table of_node = {{"enable", kind::flag},
                                  {"nosmurfs", kind::flag},
                                  {"tcpflags", kind::flag},
                                  {"ndp", kind::flag},
                                  {"log_nf_conntrack", kind::flag},
                                  {"nf_conntrack_allow_invalid", kind::flag},
                                  {"protection_synflood", kind::flag},
                                  {"nftables", kind::flag},
                                  {"log_level_in", kind::level},
                                  {"log_level_out", kind::level},
                                  {"log_level_forward", kind::level},
                                  {"tcp_flags_log_level", kind::level},
                                  {"smurf_log_level", kind::level},
                                  {"nf_conntrack_helpers", kind::helpers},
                                  {"nf_conntrack_max", kind::number},
                                  {"nf_conntrack_tcp_timeout_established", kind::number},
                                  {"nf_conntrack_tcp_timeout_syn_recv", kind::number},
                                  {"protection_synflood_rate", kind::number},
                                  {"protection_synflood_burst", kind::number}};
    static const table of_guest = {{"enable", kind::flag},        {"dhcp", kind::flag},
                                   {"ndp", kind::flag},           {"radv", kind::flag},
                                   {"macfilter", kind::flag},     {"ipfilter", kind::flag},
                                   {"policy_in", kind::policy},   {"policy_out", kind::policy},
                                   {"log_level_in", kind::level}, {"log_level_out", kind::level}};
    static const table of_vnet = {
        {"enable", kind::number}, {"policy_forward", kind::forward_policy}, {"log_level_forward", kind::level}};
    switch (scope) {
        case firewall_scope::node: return of_node;
        case firewall_scope::ct:
        case firewall_scope::vm: return of_guest;
        case firewall_scope::vnet: return of_vnet;
        case firewall_scope::cluster:
        case firewall_scope::group: break;
    }
    return of_cluster;
}

/// What files hold although the API does not know it.
const table& known_to_files(firewall_scope scope) {
    static const table of_guest = {{"ips", kind::flag}, {"ips_queues", kind::word}, {"layer2_protocols", kind::word}};
    static const table of_node = {{"protection_limit", kind::number}};
    static const table none;
    if (scope == firewall_scope::node) return of_node;
    return scope == firewall_scope::ct || scope == firewall_scope::vm ? of_guest : none;
}

std::string upper(std::string_view text) {
    std::string out = lower(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return out;
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<std::string> read_value(kind what, std::string_view text) {
    static const std::set<std::string> levels = {"",        "emerg",  "alert", "crit",  "err",
                                                 "warning", "notice", "info",  "debug", "nolog"};
    static const std::set<std::string> policies = {"ACCEPT", "DROP", "REJECT"};
    switch (what) {
        case kind::flag:
            if (text != "0" && text != "1") return std::nullopt;
            break;
        case kind::number:
            if (!is_digits(text)) return std::nullopt;
            return std::string(text.substr(std::min(text.find_first_not_of('0'), text.size() - 1)));
        case kind::level:
            if (levels.count(lower(text)) == 0) return std::nullopt;
            return lower(text);
        case kind::policy:
        case kind::forward_policy:
            if (policies.count(upper(text)) == 0) return std::nullopt;
            if (what == kind::forward_policy && upper(text) == "REJECT") return std::nullopt;
            return upper(text);
        case kind::helpers: return lower(text);
        case kind::word:
            if (text.empty() || text.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
            break;
    }
    return std::string(text);
}

}  // namespace

std::optional<std::pair<std::string, std::string>> read_firewall_option(firewall_scope scope, std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string option = lower(line.substr(0, colon));
    for (const table* options : {&known(scope), &known_to_files(scope)}) {
        const auto found = options->find(option);
        if (found == options->end()) continue;
        auto value = read_value(found->second, trimmed(line.substr(colon + 1)));
        if (!value) return std::nullopt;
        return std::pair(option, std::move(*value));
    }
    return std::nullopt;
}

const std::set<std::string>& firewall_options(firewall_scope scope) {
    static const std::map<firewall_scope, std::set<std::string>> all = [] {
        std::map<firewall_scope, std::set<std::string>> names;
        for (const firewall_scope s : {firewall_scope::cluster, firewall_scope::node, firewall_scope::ct,
                                       firewall_scope::vm, firewall_scope::vnet})
            for (const auto& [name, what] : known(s)) names[s].insert(name);
        return names;
    }();
    return all.at(scope);
}

bool is_firewall_number(const std::string& option) {
    for (const firewall_scope s : {firewall_scope::cluster, firewall_scope::node, firewall_scope::ct})
        for (const table* options : {&known(s), &known_to_files(s)})
            if (const auto found = options->find(option); found != options->end())
                return found->second == kind::flag || found->second == kind::number;
    return false;
}

std::string enabled_at(const std::string& value, wall_time now) {
    std::int64_t since = 0;
    std::from_chars(value.data(), value.data() + value.size(), since);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    return since > 1 && seconds - since > 60 ? "0" : value;
}

}  // namespace steward::sim
