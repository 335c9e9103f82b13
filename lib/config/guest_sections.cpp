#include "config/guest_sections.hpp"

#include "config/health_section.hpp"
#include "config/text_values.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <map>

namespace steward::config {
namespace {

using namespace std::chrono_literals;

constexpr range<duration> any_wait{0s, 24h};
constexpr range<duration> some_wait{1s, 24h};

void read_rhythm(section& s, check& c) {
    s.time("interval", c.interval, {100ms, 24h});
    s.time("timeout", c.timeout, {10ms, 1h});
    s.number("rise", c.rise, {1, 100});
    s.number("fall", c.fall, {1, 100});
    s.time("start_period", c.start_period, any_wait);
    duration retry{};
    if (s.time("retry_interval", retry, {100ms, 24h})) c.retry_interval = retry;
}

/// A probe that outlives its interval would overlap with the next one. `given` holds the two keys as far as they
/// stand in this section; the complaint goes to the place a person would change.
void check_rhythm(section& s, const node* n, const check& c) {
    const auto value_of = [&](std::string_view key) -> const node* {
        for (std::size_t i = 0; n && i < n->keys.size(); ++i)
            if (n->keys[i].text == key) return &n->values[i];
        return nullptr;
    };
    const node* const interval = value_of("interval");
    const node* const retry = value_of("retry_interval");
    if (c.retry_interval.value_or(c.interval) > c.interval && (retry || interval))
        s.complain(retry ? retry->at : interval->at, retry ? "retry_interval" : "interval",
                   fmt::format("retry_interval {} is longer than interval {}", format_duration(*c.retry_interval),
                               format_duration(c.interval)));
    if (c.timeout <= c.interval) return;
    const node* const timeout = value_of("timeout");
    if (!timeout && !interval) return;  // both inherited: `defaults` has been told
    const std::string text =
        fmt::format("timeout {} is longer than interval {}", format_duration(c.timeout), format_duration(c.interval));
    s.complain(timeout ? timeout->at : interval->at, timeout ? "timeout" : "interval", text);
}

void read_restart(const node* n, const std::string& path, restart_policy& into, complaints& to) {
    section s(n, path, to);
    s.number("attempts", into.attempts, {0, 100});
    s.time("window", into.window, some_wait);
    s.time("settle", into.settle, any_wait);
    s.finish();
}

/// Appends what `text` was parsed to, once.
template <class Thing>
result<void> add_once(const std::string& text, result<Thing> parsed, std::vector<Thing>& into) {
    if (!parsed) return parsed.error();
    if (std::find(into.begin(), into.end(), *parsed) != into.end())
        return fault(errc::invalid, "", fmt::format("\"{}\" stands there twice", text));
    into.push_back(*parsed);
    return {};
}

void read_targets(section& s, failover_policy& into) {
    std::vector<node_name> targets;
    std::vector<node_name> avoid;
    const node* const allowed =
        s.texts("targets", [&](const std::string& t) { return add_once(t, parse_node_name(t), targets); });
    const node* const avoided =
        s.texts("avoid", [&](const std::string& t) { return add_once(t, parse_node_name(t), avoid); });
    s.boolean("strict", into.strict);
    std::vector<guest_id> apart;
    if (s.texts("apart", [&](const std::string& t) { return add_once(t, parse_guest_id(t), apart); }))
        into.apart = apart;
    std::vector<guest_id> together;
    const node* const joined =
        s.texts("together", [&](const std::string& t) { return add_once(t, parse_guest_id(t), together); });
    if (joined) into.together = together;
    for (const guest_id g : into.together)
        if (std::find(into.apart.begin(), into.apart.end(), g) != into.apart.end())
            s.complain(joined ? joined->at : s.at(), "together",
                       fmt::format("{} is to be kept apart as well", to_string(g)));
    if (allowed) into.targets = targets;
    if (avoided) into.avoid = avoid;
    for (const node_name& n : into.avoid)
        if ((allowed || avoided) && std::find(into.targets.begin(), into.targets.end(), n) != into.targets.end())
            s.complain(avoided ? avoided->at : allowed->at, avoided ? "avoid" : "targets",
                       fmt::format("\"{}\" is both a target and to be avoided", n.str()));
}

void read_failover(const node* n, const std::string& path, failover_policy& into, complaints& to) {
    section s(n, path, to);
    s.boolean("enabled", into.enabled);
    s.boolean("approval", into.approval);
    s.time("approval_ttl", into.approval_ttl, {1min, 24h * 30});
    s.boolean("accept_weak_fence", into.accept_weak_fence);
    read_targets(s, into);
    std::string storage;
    if (const node* const at = s.text("storage", storage)) {
        const auto parsed = parse_storage_id(storage);
        if (parsed)
            into.storage = *parsed;
        else
            s.complain(at->at, "storage", parsed.error().detail);
    }
    std::vector<storage_id> storages;
    if (s.texts("backup_storages", [&](const std::string& t) { return add_once(t, parse_storage_id(t), storages); }))
        into.backup_storages = storages;
    s.time("max_backup_age", into.max_backup_age, {1min, 24h * 3650});
    std::size_t fresh = 0;
    if (s.choice("fresh_backup", fresh, {"off", "try", "require"})) into.before = static_cast<fresh_backup>(fresh);
    s.number("priority", into.priority, {0, 1000});
    s.number("attempts", into.attempts, {1, 100});
    s.time("stop_timeout", into.stop_timeout, some_wait);
    s.time("stall_timeout", into.stall_timeout, some_wait);
    s.time("start_timeout", into.start_timeout, some_wait);
    s.time("verify_timeout", into.verify_timeout, some_wait);
    s.time("cooldown", into.cooldown, {0s, 24h * 30});
    s.number("max_per_day", into.max_per_day, {1, 1000});
    std::size_t word = 0;
    if (s.choice("shutdown", word, {"conditional", "freeze", "failover", "evacuate"}))
        into.shutdown = static_cast<on_shutdown>(word);
    s.time("reboot_grace", into.reboot_grace, {1min, 24h});
    s.time("evacuate_timeout", into.evacuate_timeout, {1min, 1h});
    if (s.choice("failback", word, {"manual", "auto"})) into.fails_back = word == 1;
    s.time("failback_stable", into.failback_stable, {1min, 24h * 30});
    s.finish();
}

/// What is probed, without the rhythm; false when it is unusable.
bool read_target(section& s, check& c) {
    constexpr std::array<std::string_view, 3> kinds{"http", "tcp", "icmp"};
    std::array<std::string, 3> given;
    std::array<const node*, 3> where{};
    std::size_t count = 0;
    std::size_t kind = 0;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        where[i] = s.take(kinds[i]);
        if (!where[i]) continue;
        if (++count > 1)
            s.complain(where[i]->at, kinds[i], "one check probes one thing: start a new list item with '-'");
        kind = i;
    }
    if (count != 1) {
        if (count == 0 && s.usable()) s.complain(s.at(), "has no target (one of http, tcp, icmp)");
        return false;
    }
    const std::string* const text =
        where[kind]->kind == node_kind::scalar && !where[kind]->text.empty() ? &where[kind]->text : nullptr;
    const auto complain = [&](const fault& f) { s.complain(where[kind]->at, kinds[kind], f.detail); };
    if (!text) {
        if (where[kind]->kind != node_kind::refused) s.complain(where[kind]->at, kinds[kind], "has no target");
        return false;
    }
    if (kind == 0) {
        const auto url = parse_http_url(*text);
        if (!url) return complain(url.error()), false;
        c.kind = check_kind::http;
        c.host = url->host;
        c.port = url->port;
        c.tls = url->tls;
        c.path = url->path;
    } else if (kind == 1) {
        const auto target = parse_host_port(*text);
        if (!target) return complain(target.error()), false;
        c.kind = check_kind::tcp;
        c.host = target->host;
        c.port = target->port;
    } else {
        const auto host = parse_host(*text);
        if (!host) return complain(host.error()), false;
        c.kind = check_kind::icmp;
        c.host = *host;
    }
    c.name = *text;
    return true;
}

/// Keys that only some kinds of checks have.
void read_http_keys(section& s, check& c, bool usable, std::vector<named_file>& files) {
    std::vector<std::pair<int, int>> status;
    const node* const codes = s.texts("status", [&](const std::string& text) -> result<void> {
        const auto parsed = parse_status_ranges(text);
        if (!parsed) return parsed.error();
        status.insert(status.end(), parsed->begin(), parsed->end());
        return {};
    });
    if (codes && !status.empty()) c.status = status;
    const node* const ca = s.absolute_path("ca_file", c.ca_file);
    if (ca) files.emplace_back(ca->at, s.path_of("ca_file"), c.ca_file, false);
    const node* const insecure = s.boolean("insecure", c.insecure);
    if (!usable) return;
    if (codes && c.kind != check_kind::http) s.complain(codes->at, "status", "is for http checks only");
    if (ca && !c.tls) s.complain(ca->at, "ca_file", "is for https:// only");
    if (insecure && !c.tls) s.complain(insecure->at, "insecure", "is for https:// only");
    if (ca && insecure && c.insecure) s.complain(insecure->at, "insecure", "contradicts ca_file: keep one of them");
}

const char* kin_of(const std::string& path) { return path.starts_with("gateways") ? "gateway" : "check of this guest"; }

void read_check(const node& n, const std::string& path, const check& common, std::vector<check>& into, complaints& to,
                std::vector<named_file>& files, std::vector<parent_word>& parents) {
    section s(&n, path, to);
    check c = common;
    const bool usable = read_target(s, c);
    const node* const name = s.text("name", c.name);
    read_http_keys(s, c, usable, files);
    read_rhythm(s, c);
    check_rhythm(s, &n, c);
    read_parents(s, c.name, parents);
    s.finish();
    if (!usable) return;
    const auto same = [&](const check& other) { return other.name == c.name; };
    if (std::any_of(into.begin(), into.end(), same))
        s.complain(name ? name->at : n.at,
                   fmt::format("another {} is called \"{}\": give it a name", kin_of(path), c.name));
    into.push_back(std::move(c));
}

void read_checks(section& s, const check& common, std::vector<check>& into, complaints& to,
                 std::vector<named_file>& files, std::vector<parent_word>& parents) {
    const node* const list = s.take("checks");
    if (!list) {
        if (s.usable()) s.complain(s.at(), "has no checks: nothing would ever notice that it failed");
        return;
    }
    if (list->kind == node_kind::refused) return;
    if (list->kind != node_kind::sequence || list->values.empty()) {
        s.complain(list->at, "checks", "is not a list of checks (- tcp: 192.0.2.31:5432)");
        return;
    }
    for (std::size_t i = 0; i < list->values.size(); ++i)
        read_check(list->values[i], fmt::format("{}[{}]", s.path_of("checks"), i), common, into, to, files, parents);
}

}  // namespace

inherited read_defaults(const node* n, complaints& to) {
    inherited defaults;
    section s(n, "defaults", to);
    const node* const rhythm = s.take("check");
    section checks(rhythm, s.path_of("check"), to);
    read_rhythm(checks, defaults.common);
    check_rhythm(checks, rhythm, defaults.common);
    checks.finish();
    read_restart(s.take("restart"), s.path_of("restart"), defaults.restart, to);
    read_failover(s.take("failover"), s.path_of("failover"), defaults.failover, to);
    s.finish();
    return defaults;
}

std::vector<check> read_gateways(const node* n, const inherited& defaults, complaints& to,
                                 std::vector<named_file>& files) {
    std::vector<check> gateways;
    if (!n || n->kind == node_kind::refused) return gateways;
    if (n->kind != node_kind::sequence) {
        to.add(n->at, "gateways", "is not a list of checks (- icmp: 192.0.2.1)");
        return gateways;
    }
    std::vector<parent_word> parents;
    for (std::size_t i = 0; i < n->values.size(); ++i)
        read_check(n->values[i], fmt::format("gateways[{}]", i), defaults.common, gateways, to, files, parents);
    adopt_parents(parents, gateways, gateways, to);
    return gateways;
}

std::vector<guest> read_guests(const node* n, const inherited& defaults, const std::vector<check>& gateways,
                               complaints& to, std::vector<named_file>& files) {
    std::vector<guest> guests;
    if (!n) return guests;
    const section all(n, "guests", to);
    std::map<vmid, std::string> taken;
    for (std::size_t i = 0; all.usable() && i < n->keys.size(); ++i) {
        const node& key = n->keys[i];
        const std::string path = "guests." + key.text.substr(0, 80);
        section s(&n->values[i], path, to);
        guest g;
        const auto id = parse_guest_id(key.text);
        if (!id) {
            to.add(key.at, "guests", id.error().detail);
        } else {
            g.id = *id;
            const auto [other, is_new] = taken.try_emplace(id->id, key.text);
            if (!is_new)
                to.add(key.at, path, fmt::format("vmid {} is already used by {}", to_string(id->id), other->second));
        }
        std::vector<parent_word> parents;
        read_checks(s, defaults.common, g.checks, to, files, parents);
        read_parents(s, "", parents);
        adopt_parents(parents, g.checks, gateways, to);
        read_require(s, g);
        g.restart = defaults.restart;
        g.failover = defaults.failover;
        read_restart(s.take("restart"), s.path_of("restart"), g.restart, to);
        read_failover(s.take("failover"), s.path_of("failover"), g.failover, to);
        s.finish();
        guests.push_back(std::move(g));
    }
    std::sort(guests.begin(), guests.end(), [](const guest& a, const guest& b) { return a.id < b.id; });
    return guests;
}

}  // namespace steward::config
