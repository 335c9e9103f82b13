#include "config/cluster_section.hpp"

#include "config/text_values.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::config {
namespace {

using namespace std::chrono_literals;

void read_endpoints(section& s, cluster& into) {
    const auto add = [&](const std::string& text) -> result<void> {
        const auto parsed = parse_endpoint(text);
        if (!parsed) return parsed.error();
        into.endpoints.push_back(*parsed);
        return {};
    };
    const node* const many = s.texts("endpoints", add);
    const node* const one = s.texts("endpoint", add);
    if (many && one) s.complain(one->at, "endpoint", "endpoints is given as well: keep one of them");
    const bool empty_list = many && many->kind == node_kind::sequence && many->values.empty();
    if (empty_list) s.complain(many->at, "endpoints", "is an empty list");
    if (!many && !one) s.complain(s.at(), "endpoints is missing (endpoints: [https://192.0.2.11:8006])");
}

void read_trust(section& s, cluster& into, std::vector<named_file>& files) {
    const node* const ca = s.absolute_path("ca_file", into.ca_file);
    if (ca) files.emplace_back(ca->at, s.path_of("ca_file"), into.ca_file, false);
    const node* const pin = s.texts("fingerprint", [&](const std::string& text) -> result<void> {
        const auto parsed = parse_fingerprint(text);
        if (!parsed) return parsed.error();
        into.fingerprints.push_back(*parsed);
        return {};
    });
    const node* const insecure = s.boolean("insecure", into.insecure);
    if (pin && pin->kind == node_kind::sequence && pin->values.empty())
        s.complain(pin->at, "fingerprint", "is an empty list");
    if (ca && pin) s.complain(pin->at, "fingerprint", "contradicts ca_file: keep one of them");
    if (insecure && into.insecure && (ca || pin))
        s.complain(insecure->at, "insecure",
                   fmt::format("contradicts {}: keep one of them", ca ? "ca_file" : "fingerprint"));
}

void read_credentials(section& s, cluster& into, std::vector<named_file>& files) {
    const node* const token = s.absolute_path("token_file", into.token_file);
    if (token) files.emplace_back(token->at, s.path_of("token_file"), into.token_file, true);
    const node* const user = s.text("user", into.user);
    const node* const password = s.absolute_path("password_file", into.password_file);
    if (password) files.emplace_back(password->at, s.path_of("password_file"), into.password_file, true);
    const node* const totp = s.absolute_path("totp_file", into.totp_file);
    if (totp) files.emplace_back(totp->at, s.path_of("totp_file"), into.totp_file, true);
    if (totp && !user) s.complain(totp->at, "totp_file", "user is missing beside it: a token has no second factor");
    const bool whole_user = user && into.user.find('@') != std::string::npos;
    if (user && !whole_user)
        s.complain(user->at, "user", fmt::format("\"{}\" has no realm (try {}@pve)", into.user, into.user));
    if (token && (user || password)) {
        s.complain(user ? user->at : password->at, user ? "user" : "password_file",
                   "contradicts token_file: keep one of them");
    } else if (user && !password) {
        s.complain(user->at, "user", "password_file is missing beside it");
    } else if (password && !user) {
        s.complain(password->at, "password_file", "user is missing beside it (user: steward@pve)");
    }
}

fence_agent read_agent(section& s) {
    fence_agent agent;
    const node* const command = s.texts("command", [&](const std::string& word) {
        agent.command.push_back(word);
        return result<void>();
    });
    if (!command)
        s.complain(s.at(), "command", "is missing (command: [/usr/sbin/fence_ipmilan, -a, 192.0.2.12, …])");
    else if (agent.command.empty() || !agent.command.front().starts_with('/'))
        s.complain(command->at, "command", "begins with an absolute path");
    s.time("timeout", agent.timeout, {1s, 10min});
    s.finish();
    return agent;
}

}  // namespace

void read_way(section& s, const node& n, cluster& c, std::vector<named_file>& files) {
    s.text("name", c.name);
    read_endpoints(s, c);
    read_trust(s, c, files);
    const bool asked = std::any_of(n.keys.begin(), n.keys.end(), [](const node& k) {
        return k.text == "token_file" || k.text == "user" || k.text == "password_file";
    });
    read_credentials(s, c, files);
    if (!asked) s.complain(s.at(), "token_file is missing (or user and password_file)");
    s.time("request_timeout", c.request_timeout, {100ms, 10min});
    s.time("poll_interval", c.poll_interval, {100ms, 1h});
    s.number("calls_in_flight", c.calls_in_flight, {1, 100});
    s.number("calls_per_second", c.calls_per_second, {0, 10000});
}

void read_nodes(const node* n, const std::string& path, settings& into, complaints& to) {
    if (!n) return;
    const section all(n, path, to);
    for (std::size_t i = 0; all.usable() && i < n->keys.size(); ++i) {
        const auto name = parse_node_name(n->keys[i].text);
        if (!name) to.add(n->keys[i].at, path, name.error().detail);
        section s(&n->values[i], path + "." + n->keys[i].text.substr(0, 80), to);
        if (const node* const f = s.take("fence")) {
            section fence(f, s.path_of("fence"), to);
            fence_agent agent = read_agent(fence);
            if (name) into.agents.emplace(*name, std::move(agent));
        }
        bool is_ignored = false;
        s.boolean("ignored", is_ignored);
        if (name && is_ignored) into.ignored.insert(*name);
        s.finish();
    }
}

/// Where probes may go. The API is Steward's own way to see: a check that hammers it must be meant.
void read_probes(const node* n, const std::string& path, settings& into, complaints& to) {
    target_rules& rules = into.probe_targets;
    for (const endpoint& e : into.pve.endpoints) rules.add_api(e.host, e.port);
    section s(n, path, to);
    s.texts("allow", [&](const std::string& text) { return rules.allow(text); });
    s.finish();
}

}  // namespace steward::config
