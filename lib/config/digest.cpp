#include "config/digest.hpp"

#include "base/sha1.hpp"

#include <fmt/core.h>

namespace steward::config {
namespace {

template <class Items, class Text>
std::string joined(const Items& items, Text text_of) {
    std::string out;
    for (const auto& item : items) out += text_of(item) + ",";
    return out;
}

/// With its length, so that no two lists of texts look alike.
std::string counted(const std::string& text) { return fmt::format("{}:{}", text.size(), text); }

std::string text_of(const std::optional<expectation>& e) {
    return e ? fmt::format("{} {}", e->is_regex, counted(e->text)) : "-";
}

std::string text_of(const http_talk& h) {
    const std::string headers =
        joined(h.headers, [](const check_header& x) { return counted(x.name) + counted(x.value) + counted(x.file); });
    const std::string json = h.json ? counted(h.json->pointer) + counted(h.json->equals) : "-";
    return fmt::format("{} {} {} {} {} {} {} {} {} {} {}", h.method, headers, counted(h.body), counted(h.body_contains),
                       counted(h.body_regex), json, h.follows_same_host, h.sni, h.client_certificate, h.client_key,
                       h.certificate_expiry.count());
}

/// What only checks of its kind have.
std::string text_of_kind(const check& c) {
    switch (c.kind) {
        case check_kind::tcp: return fmt::format("{} {}", counted(c.tcp.send), text_of(c.tcp.expect));
        case check_kind::http: return text_of(c.http);
        case check_kind::icmp: return fmt::format("{} {} {}", c.icmp.size, c.icmp.ttl, c.icmp.count);
        case check_kind::dns:
            return fmt::format("{} {} {} {}", c.dns.query, c.dns.type, c.dns.rcode, text_of(c.dns.answer));
        case check_kind::pve:
        case check_kind::agent: return {};
        case check_kind::exec: return joined(c.exec.argv, counted) + c.exec.user + " " + c.exec.group;
    }
    return {};
}

std::string text_of(const check& c) {
    const std::string codes = joined(c.status, [](const auto& r) { return fmt::format("{}-{}", r.first, r.second); });
    const std::string parents = joined(c.parents, counted);
    return fmt::format("check {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}\n", static_cast<int>(c.kind), c.name,
                       c.host, c.port, c.tls, c.path, c.ca_file, c.insecure, codes, text_of_kind(c), c.interval.count(),
                       c.timeout.count(), c.rise, c.fall, c.start_period.count(), c.retry_every().count(), parents);
}

std::string text_of(const restart_policy& p) {
    return fmt::format("restart {} {} {}\n", p.attempts, p.window.count(), p.settle.count());
}

std::string text_of(const failover_policy& p) {
    const auto name_text = [](const auto& n) { return n.str(); };
    const auto guest_text = [](guest_id g) { return to_string(g); };
    return fmt::format(
        "failover {} {} {} {} targets={} {} apart={} together={} avoid={} storage={} backups={} {} {} {} {} {} {} {} "
        "{} {} {} {} "
        "{} {} {} {}\n",
        p.enabled, p.accept_weak_fence, p.priority, p.approval, joined(p.targets, name_text), p.strict,
        joined(p.apart, guest_text), joined(p.together, guest_text), joined(p.avoid, name_text),
        p.storage ? p.storage->str() : "", joined(p.backup_storages, name_text), p.max_backup_age.count(), p.attempts,
        p.stop_timeout.count(), p.stall_timeout.count(), p.start_timeout.count(), p.verify_timeout.count(),
        p.cooldown.count(), p.max_per_day, static_cast<int>(p.shutdown), p.reboot_grace.count(), p.fails_back,
        p.failback_stable.count(), static_cast<int>(p.before), p.approval_ttl.count(), p.evacuate_timeout.count());
}

std::string text_of(const backup_policy& p) {
    return fmt::format("backup {} {} {}\n", p.max_age ? p.max_age->count() : 0, static_cast<int>(p.prefer), p.stamps);
}

std::string text_of(const guest& g) {
    std::string text = fmt::format("require {}\n", g.required);
    for (const check& c : g.checks) text += text_of(c);
    return text + text_of(g.restart) + text_of(g.failover) + text_of(g.backup);
}

}  // namespace

std::string guests_digest(const settings& s) {
    std::string text;
    for (const check& c : s.gateways) text += text_of(c);
    // Those that a selector chose are not in every daemon's list at the same moment; the selectors are.
    for (const guest& g : s.guests)
        if (g.section.empty()) text += to_string(g.id) + "\n" + text_of(g);
    for (const guest_section& c : s.sections) text += c.text + "\n" + text_of(c.rules);
    if (!s.ignored.empty()) text += "ignored=" + joined(s.ignored, [](const node_name& n) { return n.str(); });
    return sha1_hex(text);
}

}  // namespace steward::config
