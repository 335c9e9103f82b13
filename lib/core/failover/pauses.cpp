#include "core/failover/pauses.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <utility>

namespace steward::failover {
namespace json = boost::json;
namespace {

constexpr std::size_t largest = 4096;
constexpr std::size_t longest_reason = 200;
constexpr std::string_view node_prefix = "node/";

constexpr std::array<std::pair<pause_kind, const char*>, 3> kinds{
    {{pause_kind::pause, "pause"}, {pause_kind::maintenance, "maintenance"}, {pause_kind::planned_off, "planned_off"}}};

std::optional<pause_kind> parse_kind(std::string_view text) {
    for (const auto& [value, name] : kinds)
        if (text == name) return value;
    return std::nullopt;
}

bool is_object(const std::string& text) {
    if (text == whole_cluster) return true;
    if (text.starts_with(node_prefix)) return parse_node_name(text.substr(node_prefix.size())).has_value();
    return parse_guest_id(text).has_value();
}

std::string text_of(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

wall_time time_of(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    return wall_time(std::chrono::seconds(v && v->is_int64() ? v->get_int64() : 0));
}

std::optional<pause> read_pause(const json::value& v) {
    if (!v.is_object()) return std::nullopt;
    const json::object& o = v.get_object();
    pause p;
    p.object = text_of(o, "object");
    const auto kind = parse_kind(text_of(o, "kind"));
    if (!kind || !is_object(p.object)) return std::nullopt;
    p.kind = *kind;
    p.reason = text_of(o, "reason");
    p.by = text_of(o, "by");
    p.since = time_of(o, "since");
    p.until = time_of(o, "until");
    return p;
}

std::string why(const pause& p) {
    std::string text = p.by.empty() ? std::string() : " by " + p.by;
    if (!p.reason.empty()) text += fmt::format(" ({})", p.reason);
    return text;
}

std::string release_of(const pause& p) {
    std::string text = fmt::format("steward resume {}", p.object);
    if (p.until != wall_time{}) text += fmt::format(", or {} passes", format_utc(p.until));
    return text;
}

refusal to_refusal(const char* code, std::string text, const pause& p) {
    return refusal{code, std::move(text), release_of(p), {}, true, {}};
}

}  // namespace

const char* name_of(pause_kind k) noexcept {
    for (const auto& [value, name] : kinds)
        if (value == k) return name;
    return "pause";
}

std::string pause_object(const node_name& node) { return std::string(node_prefix) + node.str(); }
std::string pause_object(guest_id guest) { return to_string(guest); }

result<void> pauses::add(pause p) {
    if (p.reason.size() > longest_reason)
        return fault(errc::invalid, "pause", fmt::format("the reason is longer than {} bytes", longest_reason));
    pauses next = *this;
    next.remove(p.object);
    next.all_.push_back(std::move(p));
    if (to_json(next).size() > largest)
        return fault(errc::invalid, "pause", "there are too many pauses: take some back, or pause the cluster");
    all_ = std::move(next.all_);
    return {};
}

bool pauses::remove(const std::string& object) {
    return std::erase_if(all_, [&](const pause& p) { return p.object == object; }) != 0;
}

std::vector<pause> pauses::expire(wall_time now) {
    const auto is_over = [&](const pause& p) { return p.until != wall_time{} && p.until <= now; };
    std::vector<pause> over;
    std::copy_if(all_.begin(), all_.end(), std::back_inserter(over), is_over);
    std::erase_if(all_, is_over);
    return over;
}

const pause* pauses::find(const std::string& object) const {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const pause& p) { return p.object == object; });
    return found == all_.end() ? nullptr : &*found;
}

std::string to_json(const pauses& p) {
    json::array list;
    for (const pause& one : p.all())
        list.push_back(json::object{{"object", one.object},
                                    {"kind", name_of(one.kind)},
                                    {"reason", one.reason},
                                    {"by", one.by},
                                    {"since", one.since.time_since_epoch().count()},
                                    {"until", one.until.time_since_epoch().count()}});
    return json::serialize(json::object{{"format", 1}, {"pauses", std::move(list)}});
}

result<pauses> parse_pauses(std::string_view text) {
    boost::system::error_code ec;
    const json::value parsed = json::parse(json::string_view(text.data(), text.size()), ec);
    const json::value* list = !ec && parsed.is_object() ? parsed.get_object().if_contains("pauses") : nullptr;
    if (list == nullptr || !list->is_array()) return fault(errc::garbage, "pauses", "not a list of pauses");
    pauses all;
    for (const json::value& v : list->get_array()) {
        auto one = read_pause(v);
        if (!one) return fault(errc::garbage, "pauses", "one of the pauses is none");
        if (auto added = all.add(std::move(*one)); !added) return added.error();
    }
    return all;
}

std::optional<refusal> paused(const pauses& all, guest_id guest, const node_name& home) {
    if (const pause* p = all.find(pause_object(guest)))
        return to_refusal("operator_hold", fmt::format("{} is paused{}", to_string(guest), why(*p)), *p);
    const pause* node = home.empty() ? nullptr : all.find(pause_object(home));
    if (node && node->kind == pause_kind::planned_off)
        return to_refusal("planned_off", fmt::format("{} is switched off on purpose{}", home.str(), why(*node)), *node);
    if (node) return to_refusal("maintenance", fmt::format("{} is in maintenance{}", home.str(), why(*node)), *node);
    if (const pause* p = all.find(whole_cluster))
        return to_refusal("paused", "the whole cluster is paused" + why(*p), *p);
    return std::nullopt;
}

std::set<node_name> closed_nodes(const pauses& all) {
    std::set<node_name> closed;
    for (const pause& p : all.all())
        if (p.object.starts_with(node_prefix)) closed.insert(node_name(p.object.substr(node_prefix.size())));
    return closed;
}

}  // namespace steward::failover
