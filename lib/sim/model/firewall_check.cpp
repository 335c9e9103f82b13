#include "pve/schema/addresses.hpp"
#include "pve/schema/firewall_formats.hpp"
#include "sim/model/firewall_macros.hpp"
#include "sim/model/firewall_text.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <set>

namespace steward::sim {

namespace schema = pve::schema;

namespace {

/// What PVE calls the scope in its messages.
const char* environment(firewall_scope scope) {
    switch (scope) {
        case firewall_scope::cluster: return "cluster";
        case firewall_scope::group: return "group";
        case firewall_scope::node: return "host";
        case firewall_scope::ct: return "ct";
        case firewall_scope::vm: return "vm";
        case firewall_scope::vnet: return "vnet";
    }
    return "";
}

bool is_allowed(firewall_scope scope, const std::string& type) {
    const bool is_guest = scope == firewall_scope::ct || scope == firewall_scope::vm;
    if (type == "in" || type == "out") return scope != firewall_scope::vnet;
    if (type == "forward") return !is_guest;
    return type == "group" && scope != firewall_scope::group;
}

bool has_ports(const std::string& protocol) {
    static const std::set<std::string> all = {"udp", "17", "udplite", "136", "tcp", "6", "dccp", "33", "sctp", "132"};
    return all.count(protocol) != 0;
}

bool is_icmp(const std::string& protocol) {
    return protocol == "icmp" || protocol == "icmpv6" || protocol == "ipv6-icmp";
}

bool is_interface_of_guest(const std::string& name) {
    return name.starts_with("net") && name.size() > 3 && name.find_first_not_of("0123456789", 3) == std::string::npos;
}

class checker {
  public:
    checker(firewall_rule& rule, firewall_scope scope, const firewall_names& names)
        : rule_(rule), scope_(scope), names_(names) {}

    std::vector<firewall_problem> run() {
        type_and_action();
        interface();
        macro_name();
        protocol();
        ports("dport", is_icmp_);
        icmp_type();
        ports("sport", false);
        address("source");
        address("dest");
        if (ip_version_ != 0) rule_.values["ipversion"] = std::to_string(ip_version_);
        if (problems_.empty()) macro_contents();
        return std::move(problems_);
    }

  private:
    void wrong(const std::string& part, std::string text) { problems_.push_back({part, std::move(text)}); }

    /// False when the rule is about both IPv4 and IPv6.
    bool is_about(int version) {
        if (version != 0 && ip_version_ != 0 && version != ip_version_) return false;
        if (version != 0) ip_version_ = version;
        return true;
    }

    void type_and_action() {
        const std::string type = rule_.get("type");
        const std::string action = rule_.get("action");
        if (type.empty()) return wrong("type", "missing property");
        if (action.empty()) wrong("action", "missing property");
        if (!is_allowed(scope_, type))
            wrong("type", fmt::format("invalid rule type '{}' for rule_env '{}'", type, environment(scope_)));
        if (type == "group") {
            if (scope_ == firewall_scope::group) wrong("type", "security groups not allowed");
            if (!action.empty() && !is_firewall_name(action))
                wrong("action", "invalid characters in security group name");
        } else if (type == "in" || type == "out" || type == "forward") {
            if (type == "forward" && action == "REJECT") wrong("action", "cannot define REJECT rules on forward chain");
            if (!action.empty() && action != "ACCEPT" && action != "DROP" && action != "REJECT")
                wrong("action", fmt::format("unknown action '{}'", action));
        } else {
            wrong("type", fmt::format("unknown rule type '{}'", type));
        }
    }

    void interface() {
        const std::string name = rule_.get("iface");
        if (name.empty()) return;
        if (scope_ == firewall_scope::group || scope_ == firewall_scope::vnet)
            wrong("type", "parameter -i not allowed for this rule type");
        const bool is_guest = scope_ == firewall_scope::ct || scope_ == firewall_scope::vm;
        if (is_guest && !is_interface_of_guest(name))
            wrong("iface", R"(value does not match the regex pattern 'net\d+')");
    }

    void macro_name() {
        const std::string name = rule_.get("macro");
        if (name.empty()) return;
        const firewall_macro* macro = find_firewall_macro(name);
        if (macro == nullptr) return wrong("macro", fmt::format("unknown macro '{}'", name));
        rule_.values["macro"] = macro->name;
    }

    void protocol() {
        const std::string name = rule_.get("proto");
        if (name.empty()) return;
        if (std::string why = schema::firewall_protocol_problem(name); !why.empty()) wrong("proto", std::move(why));
        is_icmp_ = is_icmp(name);
        if (is_icmp_) is_about(name == "icmp" ? 4 : 6);
    }

    void ports(const char* part, bool takes_icmp) {
        const std::string value = rule_.get(part);
        if (value.empty()) return;
        const bool is_type = takes_icmp && (schema::is_icmp_type(value) || schema::is_icmpv6_type(value));
        if (std::string why = schema::firewall_port_problem(value); !why.empty() && !is_type)
            wrong(part, std::move(why));
        const std::string name = rule_.get("proto");
        if (name.empty()) wrong("proto", fmt::format("missing property - '{}' requires this property", part));
        if (!has_ports(name) && !takes_icmp) wrong(part, fmt::format("protocol '{}' does not support ports", name));
    }

    void icmp_type() {
        const std::string type = rule_.get("icmp-type");
        if (type.empty()) return;
        const std::string name = rule_.get("proto");
        if (!is_icmp_) wrong("proto", "missing property - 'icmp-type' requires this property");
        if (!rule_.get("dport").empty()) wrong("icmp-type", "'icmp-type' cannot be specified together with 'dport'");
        if (is_icmp_ && !(name == "icmp" ? schema::is_icmp_type(type) : schema::is_icmpv6_type(type)))
            wrong("icmp-type", fmt::format("invalid icmp-type '{}' for proto '{}'", type, name));
    }

    void address(const char* part) {
        const std::string value = rule_.get(part);
        if (value.empty()) return;
        if (value.front() == '+') return set(part, value);
        if (const auto name = split_alias(value)) return alias(part, value, *name);
        if (std::string why = schema::firewall_address_problem(value); !why.empty()) return wrong(part, std::move(why));
        if (!is_about(value.find(':') == std::string::npos ? 4 : 6))
            wrong(part, "detected mixed ipv4/ipv6 addresses in rule");
    }

    /// Whichever of the scopes has it: PVE does not ask which one was meant.
    void set(const char* part, const std::string& value) {
        std::string name = value.substr(1);
        for (const std::string_view prefix : {"guest/", "dc/", "sdn/"})
            if (name.starts_with(prefix)) {
                name.erase(0, prefix.size());
                break;
            }
        if (!is_firewall_name(name)) return wrong(part, fmt::format("invalid ipset name '{}'", value));
        const auto has = [&](const firewall_file* file) { return file != nullptr && file->sets.count(name) != 0; };
        if (!has(names_.cluster) && !has(names_.own)) wrong(part, fmt::format("no such ipset '{}'", name));
    }

    void alias(const char* part, const std::string& value, const std::pair<std::string, std::string>& name) {
        const auto has = [&](const firewall_file* file) {
            return file != nullptr && file->alias(name.second) != nullptr;
        };
        if (!has(names_.cluster) && !has(names_.own)) return wrong(part, fmt::format("no such alias '{}'", value));
        const firewall_alias* found = find_alias(names_, name);
        if (found != nullptr && !is_about(found->ip_version)) wrong("", "detected mixed ipv4/ipv6 addresses in rule");
    }

    void macro_contents() {
        const firewall_macro* macro = find_firewall_macro(rule_.get("macro"));
        if (macro == nullptr || (macro->is_ipv6_only && ip_version_ == 4)) return;
        for (const firewall_service& s : ip_version_ == 6 ? macro->services6 : macro->services)
            for (const auto& [part, fixed] : {std::pair("dport", s.destination_port), std::pair("proto", s.protocol),
                                              std::pair("sport", s.source_port)}) {
                const std::string given = rule_.get(part);
                if (fixed.empty() || given.empty() || given == fixed) continue;
                return wrong(part, fmt::format("parameter '{}' already define in macro (value = '{}')", part, fixed));
            }
    }

    firewall_rule& rule_;
    firewall_scope scope_;
    firewall_names names_;
    std::vector<firewall_problem> problems_;
    int ip_version_ = 0;
    bool is_icmp_ = false;
};

}  // namespace

std::vector<firewall_problem> check_rule(firewall_rule& rule, firewall_scope scope, const firewall_names& names) {
    return checker(rule, scope, names).run();
}

}  // namespace steward::sim
