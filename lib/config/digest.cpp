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

std::string text_of(const check& c) {
    const std::string codes = joined(c.status, [](const auto& r) { return fmt::format("{}-{}", r.first, r.second); });
    return fmt::format("check {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}\n", static_cast<int>(c.kind), c.name,
                       c.host, c.port, c.tls, c.path, c.ca_file, c.insecure, codes, c.interval.count(),
                       c.timeout.count(), c.rise, c.fall, c.start_period.count(), c.retry_every().count(),
                       joined(c.parents, [](const std::string& p) { return p; }));
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

}  // namespace

std::string guests_digest(const settings& s) {
    std::string text;
    for (const check& c : s.gateways) text += text_of(c);
    for (const guest& g : s.guests) {
        text += fmt::format("{} {}\n", to_string(g.id), g.required);
        for (const check& c : g.checks) text += text_of(c);
        text += text_of(g.restart) + text_of(g.failover);
    }
    if (!s.ignored.empty()) text += "ignored=" + joined(s.ignored, [](const node_name& n) { return n.str(); });
    return sha1_hex(text);
}

}  // namespace steward::config
