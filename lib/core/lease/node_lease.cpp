#include "core/lease/node_lease.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <utility>

namespace steward::lease {
namespace json = boost::json;

namespace {

constexpr std::size_t largest = 4096;
constexpr std::size_t longest_word = 128;

constexpr std::array<std::pair<contract, const char*>, 5> names{{{contract::none, "none"},
                                                                 {contract::selfstop, "selfstop"},
                                                                 {contract::watchdog, "watchdog"},
                                                                 {contract::released, "released"},
                                                                 {contract::frozen, "frozen"}}};

json::array to_array(const std::vector<guest_id>& guests) {
    json::array out;
    for (const guest_id g : guests) out.emplace_back(to_string(g));
    return out;
}

std::string text_of(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    return v != nullptr && v->is_string() ? std::string(v->as_string()) : std::string();
}

std::vector<guest_id> guests_of(const json::object& o, std::string_view key) {
    std::vector<guest_id> out;
    const json::value* v = o.if_contains(key);
    if (v == nullptr || !v->is_array()) return out;
    for (const json::value& item : v->as_array()) {
        const auto guest =
            item.is_string() ? parse_guest_id(std::string_view(item.as_string())) : result<guest_id>(fault());
        if (guest) out.push_back(*guest);
    }
    return out;
}

fault garbage(const char* why) { return fault(errc::garbage, "node lease", why); }

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

std::string to_json(const node_lease& l) {
    json::object o{{"node", l.node.str()},           {"boot", l.boot_id},           {"renewals", l.renewals},
                   {"contract", name_of(l.promise)}, {"config", l.config_digest},   {"fit", l.is_fit},
                   {"down", to_array(l.down)},       {"unsure", to_array(l.unsure)}};
    std::string text = json::serialize(o);
    if (text.size() <= largest) return text;
    // More is down than fits: an observer that sees that much has no vote on single guests (reliability §1.5).
    o["fit"] = false;
    o["down"] = json::array();
    o["unsure"] = json::array();
    return json::serialize(o);
}

result<node_lease> parse_node_lease(std::string_view text) {
    if (text.size() > largest) return garbage("longer than 4096 bytes");
    boost::system::error_code ec;
    const json::value whole = json::parse(text, ec);
    if (ec || !whole.is_object()) return garbage("no JSON object");
    const json::object& o = whole.as_object();
    node_lease l;
    const auto node = parse_node_name(text_of(o, "node"));
    if (!node) return garbage("names no node");
    l.node = *node;
    l.boot_id = text_of(o, "boot");
    const json::value* renewals = o.if_contains("renewals");
    if (l.boot_id.empty() || renewals == nullptr || !renewals->is_number()) return garbage("without boot or renewals");
    l.renewals = renewals->to_number<std::uint64_t>(ec);
    const auto promise = parse_contract(text_of(o, "contract"));
    if (ec || !promise) return garbage("an unknown contract");
    l.promise = *promise;
    l.config_digest = text_of(o, "config");
    const json::value* fit = o.if_contains("fit");
    l.is_fit = fit != nullptr && fit->is_bool() && fit->as_bool();
    if (l.boot_id.size() > longest_word || l.config_digest.size() > longest_word || l.node.str().size() > longest_word)
        return garbage("with words that are too long");
    l.down = guests_of(o, "down");
    l.unsure = guests_of(o, "unsure");
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
