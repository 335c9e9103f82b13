#include "services/hooks/hook_words.hpp"

#include "base/clean_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/core.h>

namespace steward {
namespace json = boost::json;
namespace {

constexpr std::size_t longest_value = 1024;
constexpr std::size_t longest_text = 4096;

node_name source_of(const hook_facts& about) {
    const bool is_handover = about.moment.event == failover::hook_event::handover;
    return is_handover && about.saved.chosen ? about.saved.chosen->source : about.home;
}

/// Of a restart it is where it is.
node_name target_of(const hook_facts& about) {
    return about.moment.event == failover::hook_event::handover ? about.saved.target : about.home;
}

std::uint32_t generation_of(const hook_facts& about) {
    return about.moment.event == failover::hook_event::handover ? about.saved.claim : about.saved.generation;
}

const char* strategy_of(const hook_facts& about) {
    const bool is_handover = about.moment.event == failover::hook_event::handover;
    return is_handover && about.saved.chosen ? failover::name_of(about.saved.chosen->how) : "restart";
}

bool is_source_gone(const hook_facts& about) {
    return about.moment.event == failover::hook_event::handover && about.saved.chosen &&
           about.saved.chosen->is_source_gone;
}

}  // namespace

std::vector<std::string> hook_environment(const hook_facts& about) {
    const failover::record& r = about.saved;
    std::vector<std::string> all;
    const auto add = [&](const char* name, const std::string& value) {
        all.push_back(fmt::format("STEWARD_{}={}", name, one_line(value, longest_value)));
    };
    add("EVENT", failover::name_of(about.moment.event));
    add("HOOK", failover::name_of(about.moment.point));
    add("ID", failover::hook_id(about.moment.event, r));
    add("GUEST", to_string(r.guest));
    add("TYPE", r.guest.type == guest_type::ct ? "ct" : "vm");
    add("VMID", std::to_string(r.guest.id.number()));
    add("NAME", about.name);
    add("SOURCE", source_of(about).str());
    add("SOURCE_GONE", is_source_gone(about) ? "yes" : "no");
    add("TARGET", target_of(about).str());
    add("STRATEGY", strategy_of(about));
    add("GENERATION", std::to_string(generation_of(about)));
    add("REASON", r.reason);
    add("RESULT", about.moment.result);
    add("NODE", about.daemon);
    return all;
}

std::string hook_input(const hook_facts& about) {
    const failover::record& r = about.saved;
    json::object o;
    const auto add = [&](const char* key, const std::string& value) { o[key] = valid_utf8(value, longest_text); };
    add("event", failover::name_of(about.moment.event));
    add("hook", failover::name_of(about.moment.point));
    add("id", failover::hook_id(about.moment.event, r));
    add("guest", to_string(r.guest));
    add("type", r.guest.type == guest_type::ct ? "ct" : "vm");
    o["vmid"] = r.guest.id.number();
    add("name", about.name);
    add("source", source_of(about).str());
    o["source_gone"] = is_source_gone(about);
    add("target", target_of(about).str());
    add("strategy", strategy_of(about));
    o["generation"] = generation_of(about);
    o["ordered"] = r.ordered;
    add("reason", r.reason);
    add("result", about.moment.result);
    add("node", about.daemon);
    const bool is_handover = about.moment.event == failover::hook_event::handover;
    if (is_handover && r.chosen && r.chosen->archive) {
        add("archive", r.chosen->archive->volume.str());
        add("archive_created", format_utc(r.chosen->archive->created));
    }
    if (is_handover) {
        add("proof", r.proof);
        add("parked_path", r.parked_path);
        json::array tried;
        for (const std::string& t : r.tried) tried.emplace_back(valid_utf8(t, longest_text));
        o["tried"] = std::move(tried);
    }
    return json::serialize(o) + "\n";
}

}  // namespace steward
