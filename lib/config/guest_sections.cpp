#include "config/guest_sections.hpp"

#include "config/check_section.hpp"
#include "config/health_section.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <map>

namespace steward::config {
namespace {

using namespace std::chrono_literals;

constexpr range<duration> any_wait{0s, 24h};
constexpr range<duration> some_wait{1s, 24h};

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
    std::string storage = into.storage ? into.storage->str() : "";
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
    auto fresh = static_cast<std::size_t>(into.before);
    if (s.choice("fresh_backup", fresh, {"off", "try", "require"})) into.before = static_cast<fresh_backup>(fresh);
    s.number("priority", into.priority, {0, 1000});
    s.number("attempts", into.attempts, {1, 100});
    s.time("stop_timeout", into.stop_timeout, some_wait);
    s.time("stall_timeout", into.stall_timeout, some_wait);
    s.time("start_timeout", into.start_timeout, some_wait);
    s.time("verify_timeout", into.verify_timeout, some_wait);
    s.time("cooldown", into.cooldown, {0s, 24h * 30});
    s.number("max_per_day", into.max_per_day, {1, 1000});
    auto word = static_cast<std::size_t>(into.shutdown);
    if (s.choice("shutdown", word, {"conditional", "freeze", "failover", "evacuate"}))
        into.shutdown = static_cast<on_shutdown>(word);
    s.time("reboot_grace", into.reboot_grace, {1min, 24h});
    s.time("evacuate_timeout", into.evacuate_timeout, {1min, 1h});
    word = into.fails_back ? 1 : 0;
    if (s.choice("failback", word, {"manual", "auto"})) into.fails_back = word == 1;
    s.time("failback_stable", into.failback_stable, {1min, 24h * 30});
    s.finish();
}

void read_backup(const node* n, const std::string& path, backup_policy& into, complaints& to) {
    section s(n, path, to);
    duration age = into.max_age.value_or(duration());
    if (s.time("max_age", age, {1min, 24h * 3650})) into.max_age = age;
    auto word = static_cast<std::size_t>(into.prefer);
    if (s.choice("prefer", word, {"healthy", "newest"})) into.prefer = static_cast<archive_choice>(word);
    s.boolean("stamp", into.stamps);
    s.finish();
}

/// Names the place of its name, if it has one.
place name_of_check(const node& n) {
    for (std::size_t i = 0; i < n.keys.size(); ++i)
        if (n.keys[i].text == "name") return n.values[i].at;
    return n.at;
}

/// What cannot be asked of that guest, or, without one, of a gateway. Empty: all of it can.
std::string unfit(const check& c, const guest* of) {
    const bool is_about_guest = c.kind == check_kind::pve || c.kind == check_kind::agent || c.host == "guest";
    if (of == nullptr && is_about_guest) return "a gateway is no guest: give it an address";
    const bool is_container = of != nullptr && of->id != guest_id() && of->id.type == guest_type::ct;
    if (is_container && c.kind == check_kind::agent)
        return "containers have no QEMU agent: agent is for virtual machines only";
    return {};
}

/// `kin`: what else is in the list, for people.
void add_check(const node& n, const std::string& path, const char* kin, const inherited& defaults,
               std::vector<check>& into, complaints& to, std::vector<named_file>& files,
               std::vector<parent_word>& parents, const guest* of) {
    auto c = read_check(n, path, defaults, to, files, parents);
    if (!c) return;
    if (const std::string no = unfit(*c, of); !no.empty()) to.add(n.at, path, no);
    const auto same = [&](const check& other) { return other.name == c->name; };
    if (std::any_of(into.begin(), into.end(), same))
        to.add(name_of_check(n), path, fmt::format("another {} is called \"{}\": give it a name", kin, c->name));
    into.push_back(std::move(*c));
}

void read_checks(section& s, const inherited& defaults, guest& into, complaints& to, std::vector<named_file>& files,
                 std::vector<parent_word>& parents) {
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
        add_check(list->values[i], fmt::format("{}[{}]", s.path_of("checks"), i), "check of this guest", defaults,
                  into.checks, to, files, parents, &into);
}

}  // namespace

inherited read_defaults(const node* n, const std::string& path, inherited common, complaints& to) {
    inherited defaults = std::move(common);
    section s(n, path, to);
    const node* const rhythm = s.take("check");
    section checks(rhythm, s.path_of("check"), to);
    read_rhythm(checks, defaults.common);
    check_rhythm(checks, rhythm, defaults.common);
    checks.finish();
    read_restart(s.take("restart"), s.path_of("restart"), defaults.restart, to);
    read_failover(s.take("failover"), s.path_of("failover"), defaults.failover, to);
    read_backup(s.take("backup"), s.path_of("backup"), defaults.backup, to);
    s.finish();
    return defaults;
}

std::vector<check> read_gateways(const node* n, const std::string& path, const inherited& defaults, complaints& to,
                                 std::vector<named_file>& files) {
    std::vector<check> gateways;
    if (!n || n->kind == node_kind::refused) return gateways;
    if (n->kind != node_kind::sequence) {
        to.add(n->at, path, "is not a list of checks (- icmp: 192.0.2.1)");
        return gateways;
    }
    std::vector<parent_word> parents;
    for (std::size_t i = 0; i < n->values.size(); ++i)
        add_check(n->values[i], fmt::format("{}[{}]", path, i), "gateway", defaults, gateways, to, files, parents,
                  nullptr);
    adopt_parents(parents, gateways, gateways, to);
    return gateways;
}

namespace {

/// Everything below a guest's key, whoever is meant by it.
guest read_rules(section& s, guest g, const inherited& defaults, const std::vector<check>& gateways, complaints& to,
                 std::vector<named_file>& files) {
    std::vector<parent_word> parents;
    read_checks(s, defaults, g, to, files, parents);
    read_parents(s, "", parents);
    adopt_parents(parents, g.checks, gateways, to);
    read_require(s, g);
    g.restart = defaults.restart;
    g.failover = defaults.failover;
    g.backup = defaults.backup;
    read_restart(s.take("restart"), s.path_of("restart"), g.restart, to);
    read_failover(s.take("failover"), s.path_of("failover"), g.failover, to);
    read_backup(s.take("backup"), s.path_of("backup"), g.backup, to);
    s.finish();
    return g;
}

/// "ct101" is more likely a slip of the pen than the whole name of a guest.
bool may_be_selector(std::string_view key) {
    const bool is_wild = key.find_first_of("@*?, ") != std::string_view::npos;
    return is_wild || key.find_first_not_of("0123456789-") == std::string_view::npos;
}

/// A record keeps the key, and has little room.
constexpr std::size_t longest_selector = 200;

void read_chosen(const node& key, const std::string& path, guest rules, settings& into, complaints& to) {
    if (key.text.size() > longest_selector)
        return to.add(key.at, path, fmt::format("a selector has at most {} characters", longest_selector));
    auto which = model::parse_selector({key.text});
    if (!which) return to.add(key.at, path, which.error().where + ": " + which.error().detail);
    guest_section chosen;
    chosen.text = key.text;
    chosen.which = std::move(*which);
    chosen.rules = std::move(rules);
    chosen.rules.section = key.text;
    into.sections.push_back(std::move(chosen));
}

}  // namespace

void guest_list::read(const node* n, const std::string& path_of_all, const inherited& defaults, complaints& to,
                      std::vector<named_file>& files) {
    if (!n) return;
    const section all(n, path_of_all, to);
    for (std::size_t i = 0; all.usable() && i < n->keys.size(); ++i) {
        const node& key = n->keys[i];
        const std::string path = path_of_all + "." + key.text.substr(0, 80);
        section s(&n->values[i], path, to);
        const auto id = parse_guest_id(key.text);
        guest g;
        if (id) g.id = *id;
        g = read_rules(s, std::move(g), defaults, into_.gateways, to, files);
        if (may_be_selector(key.text)) {
            read_chosen(key, path_of_all, std::move(g), into_, to);
            continue;
        }
        if (!id) {
            to.add(key.at, path_of_all, id.error().detail);
        } else {
            const auto [other, is_new] = taken_.try_emplace(id->id, named{key.text, key.at});
            const bool is_elsewhere = other->second.at.file != key.at.file;
            if (!is_new)
                to.add(key.at, path,
                       fmt::format("vmid {} is already used by {}{}", to_string(id->id), other->second.name,
                                   is_elsewhere ? " in " + to.place_of(other->second.at) : ""));
        }
        into_.guests.push_back(std::move(g));
    }
}

void guest_list::sort() {
    std::sort(into_.guests.begin(), into_.guests.end(), [](const guest& a, const guest& b) { return a.id < b.id; });
}

}  // namespace steward::config
