#include "core/lease/node_lease.hpp"

#include "base/key_lines.hpp"

#include <array>
#include <fmt/core.h>
#include <utility>

namespace steward::lease {

namespace {

constexpr std::size_t largest = 4096;
constexpr std::size_t longest_word = 128;

constexpr std::array<std::pair<contract, const char*>, 5> names{{{contract::none, "none"},
                                                                 {contract::selfstop, "selfstop"},
                                                                 {contract::watchdog, "watchdog"},
                                                                 {contract::released, "released"},
                                                                 {contract::frozen, "frozen"}}};

bool read_guests(std::string_view text, std::vector<guest_id>& into) {
    auto guests = split_guests(text);
    if (guests) into = std::move(*guests);
    return guests.has_value();
}

bool read_question(std::string_view text, question& into) {
    const auto read = parse_question(text);
    into = read.value_or(question());
    return read.has_value();
}

bool read_number(std::string_view text, std::uint64_t& into) {
    const auto number = parse_number(text);
    into = number.value_or(0);
    return number.has_value();
}

fault garbage(std::string why) { return fault(errc::garbage, "node lease", std::move(why)); }

}  // namespace

const char* name_of(contract c) noexcept {
    for (const auto& [value, name] : names)
        if (value == c) return name;
    return "none";
}

std::optional<contract> parse_contract(std::string_view text) noexcept {
    for (const auto& [value, name] : names)
        if (text == name) return value;
    return std::nullopt;
}

bool is_empty_handed(contract c) noexcept { return c == contract::released || c == contract::frozen; }

const char* name_of(departure d) noexcept {
    switch (d) {
        case departure::none: return "none";
        case departure::shutdown: return "shutdown";
        case departure::reboot: return "reboot";
    }
    return "none";
}

std::optional<departure> parse_departure(std::string_view text) noexcept {
    for (const departure d : {departure::none, departure::shutdown, departure::reboot})
        if (text == name_of(d)) return d;
    return std::nullopt;
}

void add_words(node_lease& to, const daemon_words& words, bool is_fresh) {
    to.config_digest = words.config_digest;
    to.is_fit = is_fresh && words.is_fit;
    if (!is_fresh) return;
    to.leads = words.leads;
    to.down = words.down;
    to.unsure = words.unsure;
    to.asks = words.asks;
    to.asked = words.asked;
    to.answers = words.answers;
}

std::string to_text(const node_lease& l) {
    const std::string head =
        fmt::format("node={}\nboot={}\nrenewals={}\ncontract={}\nleaving={}\nconfig={}\nleads={}\n", l.node.str(),
                    l.boot_id, l.renewals, name_of(l.promise), name_of(l.leaving), l.config_digest, l.leads);
    std::string text = fmt::format("{}fit={}\ndown={}\nunsure={}\nasks={}\nasked={}\nanswers={}\n", head,
                                   l.is_fit ? 1 : 0, join_guests(l.down), join_guests(l.unsure), to_text(l.asks),
                                   join_guests(l.asked), to_text(l.answers));
    if (text.size() <= largest) return text;
    // More is down than fits: an observer that sees that much has no vote on single guests (reliability §1.5).
    return head + "fit=0\ndown=\nunsure=\n";
}

result<node_lease> parse_node_lease(std::string_view text) {
    if (text.size() > largest) return garbage("longer than 4096 bytes");
    node_lease l;
    l.is_fit = false;
    bool is_promising = false;
    bool is_counted = false;
    const auto wrong = for_each_line(text, [&](std::string_view key, std::string_view value) {
        if (value.size() > longest_word && key != "down" && key != "unsure" && key != "asked") return false;
        if (key == "node") {
            const auto node = parse_node_name(value);
            if (node) l.node = *node;
            return node.has_value();
        }
        if (key == "boot") return l.boot_id = value, true;
        if (key == "renewals") return is_counted = read_number(value, l.renewals);
        if (key == "contract") {
            const auto promise = parse_contract(value);
            l.promise = promise.value_or(contract::none);
            return is_promising = promise.has_value();
        }
        if (key == "leaving") {
            const auto leaving = parse_departure(value);
            l.leaving = leaving.value_or(departure::none);
            return leaving.has_value();
        }
        if (key == "config") return l.config_digest = value, true;
        if (key == "leads") return read_number(value, l.leads);
        if (key == "fit") return l.is_fit = value == "1", true;
        if (key == "down") return read_guests(value, l.down);
        if (key == "unsure") return read_guests(value, l.unsure);
        if (key == "asked") return read_guests(value, l.asked);
        if (key == "asks") return read_question(value, l.asks);
        if (key == "answers") return read_question(value, l.answers);
        return true;  // a newer version says more
    });
    if (wrong) return garbage(*wrong);
    if (l.node.empty()) return garbage("names no node");
    if (l.boot_id.empty() || !is_counted) return garbage("without boot or renewals");
    if (!is_promising) return garbage("without a contract");
    return l;
}

void lease_watch::observe(const node_lease& seen, time_point now) {
    const auto known = known_.find(seen.node);
    const bool is_same = known != known_.end() && known->second.lease.boot_id == seen.boot_id &&
                         known->second.lease.renewals == seen.renewals;
    if (is_same) return;
    const time_point first = known == known_.end() ? now : known->second.first;
    known_.insert_or_assign(seen.node, known_lease{seen, now, first});
}

std::optional<duration> lease_watch::silence(const node_name& node, time_point now) const {
    const auto known = known_.find(node);
    if (known == known_.end()) return std::nullopt;
    return now - known->second.changed;
}

const node_lease* lease_watch::last(const node_name& node) const {
    const auto known = known_.find(node);
    return known == known_.end() ? nullptr : &known->second.lease;
}

bool lease_watch::has_changed(const node_name& node) const {
    const auto known = known_.find(node);
    return known != known_.end() && known->second.changed != known->second.first;
}

time_point lease_watch::first_seen(const node_name& node) const {
    const auto known = known_.find(node);
    return known == known_.end() ? time_point{} : known->second.first;
}

void lease_watch::start_again(time_point now) {
    for (auto& [node, known] : known_) known.changed = now;
}

}  // namespace steward::lease
