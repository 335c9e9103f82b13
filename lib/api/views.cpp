#include "api/views.hpp"

#include "base/key_lines.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace steward::api {
namespace json = boost::json;
namespace {

using failover::phase;
using health::standing;

std::int64_t milliseconds(duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }

const char* name_of(model::run_state s) {
    return s == model::run_state::running ? "running" : s == model::run_state::stopped ? "stopped" : "unknown";
}

/// 0 ok, 1 warning, 2 critical, 3 unknown; the words in this order too.
int severity_of(const failover::state& s) {
    switch (s.saved.at) {
        case phase::failed_parked: return 2;
        case phase::held: return s.last == standing::down ? 2 : s.last == standing::unknown ? 3 : 1;
        case phase::watching:
            if (s.last == standing::unknown) return 3;
            return s.last == standing::up ? 0 : 1;
        case phase::done: return s.last == standing::down ? 2 : 0;
        default: return 1;
    }
}

const char* word_of(int severity) {
    constexpr std::array<const char*, 4> words{"ok", "warning", "critical", "unknown"};
    return words.at(static_cast<std::size_t>(severity));
}

/// Critical outweighs unknown, unknown outweighs a warning.
int worse(int a, int b) {
    const auto rank = [](int s) { return s == 2 ? 3 : s == 3 ? 2 : s; };
    return rank(a) >= rank(b) ? a : b;
}

/// A guest that is well, but could not be brought back from a young enough backup, is not all right.
int severity_of(const keeper& all, guest_id id, const failover::state& s) {
    const auto report = all.freshness_of(id);
    if (!report || report->state == backup::freshness::fresh) return severity_of(s);
    return worse(severity_of(s), report->state == backup::freshness::unknown ? 3 : 1);
}

void add_backup(const keeper& all, guest_id id, json::object& into) {
    const model::backup* newest = all.newest_backup(id);
    const auto report = all.freshness_of(id);
    if (newest == nullptr && !report) return;
    json::object o;
    if (newest != nullptr) {
        o["volid"] = newest->volume.str();
        o["created"] = format_utc(newest->created);
        o["age_s"] = (all.time().wall_now() - newest->created).count();
        o["health"] = name_of(newest->stamp.health);
    }
    if (report) {
        o["state"] = name_of(report->state);
        o["text"] = report->text;
    }
    into["newest_backup"] = std::move(o);
}

json::array checks_view(const std::vector<check_board::view>& checks) {
    json::array out;
    for (const auto& c : checks) {
        json::array phases;
        for (const probe_phase& p : c.last.phases)
            phases.push_back(json::object{{"name", p.name}, {"took_us", p.took.count() / 1000}});
        out.push_back(json::object{{"name", c.name},
                                   {"state", health::name_of(c.state.now)},
                                   {"reason", c.state.reason},
                                   {"took_us", c.last.took.count() / 1000},
                                   {"phases", std::move(phases)},
                                   {"warning", c.last.warning}});
    }
    return out;
}

/// What checks that are healthy warn of: "web: certificate expires in 6 days".
json::array warnings_view(const guest_keeper& g) {
    json::array out;
    for (const auto& c : g.checks())
        if (!c.last.warning.empty()) out.emplace_back(c.name + ": " + c.last.warning);
    return out;
}

json::object guest_summary(const keeper& all, guest_id id, const guest_keeper& g) {
    const failover::state& s = g.state();
    const failover::record& r = s.saved;
    json::object o;
    json::array warnings = warnings_view(g);
    o["guest"] = to_string(id);
    o["severity"] = word_of(worse(severity_of(all, id, s), warnings.empty() ? 0 : 1));
    o["warnings"] = std::move(warnings);
    o["state"] = failover::name_of(r.at);
    o["health"] = health::name_of(s.last);
    o["reason"] = r.at == phase::watching ? s.last_reason : r.reason;
    o["since"] = format_utc(r.since);
    o["generation"] = r.generation;
    if (!g.settings().section.empty()) o["section"] = g.settings().section;
    if (r.held) o["hold"] = json::object{{"code", r.held->code}, {"text", r.held->text}, {"release", r.held->release}};
    if (g.running() != failover::operation::none) o["operation"] = failover::name_of(g.running());
    if (!g.progress().empty() && g.running() != failover::operation::none) o["progress"] = g.progress();
    const auto* row = all.sight().view ? all.sight().view->find(id) : nullptr;
    o["node"] = row ? row->node.str() : std::string();
    o["name"] = row ? row->name : std::string();
    o["pve_status"] = row ? name_of(row->status) : "unknown";
    if (const keeper::foresight* f = all.foreseen(id))
        o["if_node_dies"] = json::object{
            {"outcome", f->outcome}, {"code", f->code}, {"text", f->text}, {"worked_out", format_utc(f->at)}};
    add_backup(all, id, o);
    return o;
}

json::array rejections_view(const std::vector<failover::rejected>& list) {
    json::array out;
    for (const failover::rejected& x : list) out.push_back(json::object{{"what", x.what}, {"why", x.why}});
    return out;
}

void add_lease(const leadership& cluster, const node_name& node, time_point now, json::object& into) {
    const lease::node_lease* last = cluster.leases().last(node);
    const auto silence = cluster.leases().silence(node, now);
    if (last == nullptr || !silence) return;
    into["contract"] = lease::name_of(last->promise);
    into["lease_ms_ago"] = milliseconds(*silence);
    into["fit"] = last->is_fit;
    into["same_config"] = last->config_digest == cluster.config_digest;
}

/// The daemon's part in the cluster, and its guard's.
json::object leadership_view(const leadership& cluster, int& severity) {
    json::object o;
    o["node"] = cluster.self().str();
    o["phase"] = leader::name_of(cluster.state().at);
    o["epoch"] = cluster.state().epoch;
    o["leader"] = cluster.leader().str();
    if (cluster.leader().empty()) severity = worse(severity, 1);
    json::object guard;
    if (const auto& said = cluster.guard_status()) {
        const auto wrong = for_each_line(*said, [&](std::string_view key, std::string_view value) {
            const auto number = parse_number(value);
            guard[key] = number ? json::value(*number) : json::value(value);
            return true;
        });
        if (wrong) guard["problem"] = *wrong;
    } else {
        guard["problem"] = said.error().text();
        severity = worse(severity, 1);
    }
    o["guard"] = std::move(guard);
    return o;
}

json::object cluster_view(const keeper& all, int& severity) {
    const cluster_sight& sight = all.sight();
    json::object o;
    o["problem"] = sight.problem;
    if (!sight.view) {
        severity = worse(severity, 3);
        return o;
    }
    if (!sight.problem.empty()) severity = worse(severity, 3);
    const model::cluster_view& v = *sight.view;
    o["name"] = v.cluster_name;
    o["via"] = v.contacted.str();
    o["seen_ms_ago"] = milliseconds(all.time().now() - sight.taken);
    o["quorate"] = v.is_quorate.value_or(false);
    if (v.is_quorate != true) severity = worse(severity, 2);
    json::array nodes;
    for (const auto& [name, n] : v.nodes) {
        if (n.online != true) severity = worse(severity, 1);
        json::object one{{"node", name.str()}, {"state", all.state_of(name)}};
        if (all.shared_with() != nullptr) add_lease(*all.shared_with(), name, all.time().now(), one);
        nodes.push_back(std::move(one));
    }
    o["nodes"] = std::move(nodes);
    return o;
}

json::array pauses_view(const keeper& all) {
    json::array out;
    for (const failover::pause& p : all.pauses().all()) {
        json::object o{{"object", p.object},
                       {"kind", failover::name_of(p.kind)},
                       {"reason", p.reason},
                       {"by", p.by},
                       {"since", format_utc(p.since)}};
        if (p.until != wall_time{}) o["until"] = format_utc(p.until);
        out.push_back(std::move(o));
    }
    return out;
}

}  // namespace

json::object status_view(const keeper& all, const std::vector<guest_id>* only) {
    int severity = 0;
    json::object o;
    o["mode"] = all.mode_name();
    o["cluster"] = cluster_view(all, severity);
    if (all.shared_with() != nullptr) o["leadership"] = leadership_view(*all.shared_with(), severity);
    o["pauses"] = pauses_view(all);
    const auto gateways = all.gateways().views();
    for (const auto& g : gateways)
        if (g.state.now != health::standing::up) severity = worse(severity, 1);
    o["gateways"] = checks_view(gateways);
    json::array guests;
    for (const auto& [id, g] : all.guests()) {
        if (only != nullptr && std::find(only->begin(), only->end(), id) == only->end()) continue;
        severity = worse(severity, severity_of(all, id, g->state()));
        if (!warnings_view(*g).empty()) severity = worse(severity, 1);
        guests.push_back(guest_summary(all, id, *g));
    }
    o["guests"] = std::move(guests);
    o["severity"] = word_of(severity);
    return o;
}

json::object status_of_all(const std::vector<served_cluster>& clusters) {
    int severity = 0;
    json::array all;
    for (const served_cluster& c : clusters) {
        json::object one{{"problem", c.problem}, {"severity", word_of(2)}};
        if (c.all != nullptr) one = status_view(*c.all);
        for (int s = 0; s <= 3; ++s)
            if (one.at("severity").as_string() == word_of(s)) severity = worse(severity, s);
        one["name"] = c.name;
        all.push_back(std::move(one));
    }
    return json::object{{"clusters", std::move(all)}, {"severity", word_of(severity)}};
}

result<json::object> guest_view(const keeper& all, guest_id guest) {
    const guest_keeper* g = all.find(guest);
    if (!g) return fault(errc::not_found, "", to_string(guest) + " is not in the configuration of this daemon");
    json::object o = guest_summary(all, guest, *g);
    const failover::record& r = g->state().saved;
    o["checks"] = checks_view(g->checks());
    o["claim"] = r.claim;
    o["target"] = r.target.str();
    o["parked_path"] = r.parked_path;
    o["upid"] = r.task;
    if (r.chosen) {
        o["source"] = r.chosen->source.str();
        o["strategy"] = failover::name_of(r.chosen->how);
        if (r.chosen->archive) o["backup"] = r.chosen->archive->volume.str();
    }
    json::array tried;
    for (const std::string& t : r.tried) tried.emplace_back(t);
    o["tried"] = std::move(tried);
    json::array story;
    for (const failover::story_line& l : r.story) {
        const bool is_current = &l == &r.story.back() && l.at == r.at;
        const duration took = is_current ? all.time().now() - g->state().entered : l.took;
        story.push_back(json::object{{"state", failover::name_of(l.at)},
                                     {"when", format_utc(l.when)},
                                     {"took_ms", milliseconds(took)},
                                     {"over", !is_current},
                                     {"why", l.note}});
    }
    o["story"] = std::move(story);
    return o;
}

json::object plan_view(guest_id guest, const std::variant<failover::plan, failover::refusal>& answer, wall_time now) {
    json::object o;
    o["guest"] = to_string(guest);
    if (const auto* no = std::get_if<failover::refusal>(&answer)) {
        o["possible"] = false;
        o["code"] = no->code;
        o["text"] = no->text;
        o["release"] = no->release;
        o["rejected"] = rejections_view(no->rejections);
        return o;
    }
    const auto& p = std::get<failover::plan>(answer);
    o["possible"] = true;
    o["strategy"] = failover::name_of(p.how);
    o["source"] = p.source.str();
    json::array targets;
    for (const node_name& n : p.targets) targets.emplace_back(n.str());
    o["targets"] = std::move(targets);
    o["storage"] = p.storage.str();
    if (p.archive)
        o["backup"] = json::object{{"volid", p.archive->volume.str()},
                                   {"created", format_utc(p.archive->created)},
                                   {"age_ms", milliseconds(now - p.archive->created)},
                                   {"bytes", p.archive->bytes},
                                   {"health", name_of(p.archive->stamp.health)}};
    o["rejected"] = rejections_view(p.rejections);
    return o;
}

json::object parked_view(const std::vector<failover::parked_config>& all) {
    json::array list;
    for (const failover::parked_config& p : all)
        list.push_back(json::object{{"name", p.name},
                                    {"guest", to_string(p.guest)},
                                    {"node", p.source.str()},
                                    {"generation", p.generation},
                                    {"title", p.title}});
    return json::object{{"parked", std::move(list)}};
}

}  // namespace steward::api
