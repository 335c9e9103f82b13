#include "render.hpp"

#include "base/time.hpp"
#include "output.hpp"
#include "text_table.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <vector>

namespace steward::cli {
namespace json = boost::json;
namespace {

std::string text(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    if (!v || v->is_null()) return {};
    return v->is_string() ? std::string(v->get_string()) : json::serialize(*v);
}

std::int64_t number(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    return v && v->is_int64() ? v->get_int64() : 0;
}

bool truth(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    return v && v->is_bool() && v->get_bool();
}

const json::array& list(const json::object& o, std::string_view key) {
    static const json::array empty;
    const json::value* v = o.if_contains(key);
    return v && v->is_array() ? v->get_array() : empty;
}

const json::object& object(const json::object& o, std::string_view key) {
    static const json::object empty;
    const json::value* v = o.if_contains(key);
    return v && v->is_object() ? v->get_object() : empty;
}

std::string took(const json::object& o, std::string_view key) {
    return describe_duration(std::chrono::milliseconds(number(o, key)));
}

std::string rejections(const json::object& o) {
    std::string out;
    for (const json::value& v : list(o, "rejected"))
        if (v.is_object())
            out += fmt::format("  not {}: {}\n", text(v.get_object(), "what"), text(v.get_object(), "why"));
    return out;
}

/// A node's own words, where daemons share the work.
std::string lease_words(const json::object& node) {
    if (!node.contains("contract")) return {};
    std::string out = text(node, "contract") + ", lease " + took(node, "lease_ms_ago");
    if (!truth(node, "fit")) out += ", sees nothing";
    if (!truth(node, "same_config")) out += ", ANOTHER CONFIGURATION";
    return out;
}

std::string cluster_line(const json::object& status) {
    const json::object& c = object(status, "cluster");
    std::string out;
    if (!text(c, "problem").empty()) out += fmt::format("PVE cannot be seen: {}\n", text(c, "problem"));
    if (!c.contains("quorate")) return out;
    std::string nodes;
    for (const json::value& v : list(c, "nodes")) {
        const json::object& n = v.as_object();
        std::string words = text(n, "state") == "online" ? "" : text(n, "state");
        if (const std::string lease = lease_words(n); !lease.empty()) words += (words.empty() ? "" : "; ") + lease;
        nodes += " " + text(n, "node") + (words.empty() ? "" : " (" + words + ")");
    }
    const std::string name = text(c, "name").empty() ? "stand-alone" : text(c, "name");
    return out + fmt::format("cluster {}, {}, nodes{}, seen {} ago via {}\n", name,
                             truth(c, "quorate") ? "quorate" : painted(colour::red, "NO QUORUM"), nodes,
                             took(c, "seen_ms_ago"), text(c, "via"));
}

/// Who leads, and what this node has promised.
std::string leadership_lines(const json::object& status) {
    const json::object& l = object(status, "leadership");
    if (l.empty()) return {};
    const std::string leader = text(l, "leader");
    std::string out = leader.empty() ? "nobody leads" : fmt::format("{} leads in epoch {}", leader, text(l, "epoch"));
    out += fmt::format("; this is {} ({})\n", text(l, "node"), text(l, "phase"));
    const json::object& g = object(l, "guard");
    if (g.contains("problem")) return out + fmt::format("steward-guard: {}\n", text(g, "problem"));
    out += fmt::format("guard {}, contract {}", text(g, "phase"), text(g, "contract"));
    if (!text(g, "reason").empty() && text(g, "wanted") != "none") out += fmt::format(" ({})", text(g, "reason"));
    return out + fmt::format(", lease renewed {} ago\n", took(g, "lease_age_ms"));
}

colour colour_of(const std::string& severity) {
    if (severity == "ok") return colour::green;
    return severity == "critical" ? colour::red : colour::yellow;
}

/// A guest that waits for somebody.
bool is_sore(const std::string& state) { return state == "held" || state == "failed_parked"; }

std::string foresight(const json::object& guest) {
    const json::object& f = object(guest, "if_node_dies");
    if (f.empty()) return "-";
    return text(f, "outcome") == "held" ? "stays down: " + text(f, "code") : text(f, "text");
}

std::string warning_lines(const json::object& status) {
    std::string out;
    for (const json::value& v : list(status, "guests"))
        for (const json::value& w : list(v.as_object(), "warnings"))
            out += fmt::format("warning: {}: {}\n", text(v.as_object(), "guest"), std::string(w.as_string()));
    return out.empty() ? out : "\n" + out;
}

std::string pause_lines(const json::object& status) {
    std::string out;
    for (const json::value& v : list(status, "pauses")) {
        const json::object& p = v.as_object();
        out += fmt::format("{} {} since {}", text(p, "object"),
                           text(p, "kind") == "pause" ? "paused" : "in " + text(p, "kind"), text(p, "since"));
        if (p.contains("until")) out += " until " + text(p, "until");
        if (!text(p, "by").empty()) out += " by " + text(p, "by");
        if (!text(p, "reason").empty()) out += ": " + text(p, "reason");
        out += "\n";
    }
    return out;
}

}  // namespace

std::string render_parked(const json::object& answer) {
    std::vector<std::vector<std::string>> rows{{"NAME", "GUEST", "NODE", "GENERATION", "TITLE"}};
    for (const json::value& v : list(answer, "parked")) {
        const json::object& p = v.as_object();
        rows.push_back({text(p, "name"), text(p, "guest"), text(p, "node"), text(p, "generation"), text(p, "title")});
    }
    return rows.size() == 1 ? "nothing is parked\n" : table(rows);
}

std::string render_pauses(const json::object& status) {
    const std::string lines = pause_lines(status);
    return lines.empty() ? "nothing is paused\n" : lines;
}

const char* about_mode(const std::string& mode) {
    if (mode == "armed") return "";
    if (mode == "disarming")
        return " (finishes what is under way and begins nothing; `steward observe --now` stops it)";
    return " (changes nothing; `steward arm` lets it act)";
}

namespace {

/// Of several clusters, one below the other.
std::string render_clusters(const json::object& status) {
    std::string out;
    for (const json::value& v : list(status, "clusters")) {
        const json::object& c = v.as_object();
        out += fmt::format("=== {}\n", text(c, "name"));
        out += c.contains("guests") ? render_status(c) : fmt::format("NOT LOOKED AFTER: {}\n", text(c, "problem"));
        out += "\n";
    }
    return out + fmt::format("all: {}\n", text(status, "severity"));
}

}  // namespace

std::string render_status(const json::object& status) {
    if (status.contains("clusters")) return render_clusters(status);
    std::string out = cluster_line(status);
    out += leadership_lines(status);
    out += fmt::format("mode {}{}\n\n", text(status, "mode"), about_mode(text(status, "mode")));
    if (const std::string paused = pause_lines(status); !paused.empty()) out.insert(out.size() - 1, paused);
    std::vector<std::vector<std::string>> rows{
        {"GUEST", "NAME", "NODE", "STATE", "HEALTH", "SINCE", "IF ITS NODE DIES", "REASON"}};
    for (const json::value& v : list(status, "guests")) {
        const json::object& g = v.as_object();
        std::string reason = text(g, "reason");
        if (const std::string& late = text(object(g, "newest_backup"), "text"); !late.empty())
            reason += (reason.empty() ? "" : "; ") + late;
        if (g.contains("progress")) reason += " — " + text(g, "progress");
        const std::string state = text(g, "state");
        const std::string health = text(g, "health");
        rows.push_back({text(g, "guest"), text(g, "name"), text(g, "node"),
                        is_sore(state) ? painted(colour::yellow, state) : state,
                        health == "down" ? painted(colour::red, health) : health, text(g, "since"), foresight(g),
                        reason});
    }
    for (const json::value& v : list(status, "gateways")) {
        const json::object& g = v.as_object();
        if (text(g, "state") != "up")
            out += fmt::format("gateway {} is {}: {}. What is behind it is unknown\n", text(g, "name"),
                               text(g, "state"), text(g, "reason").empty() ? "not probed yet" : text(g, "reason"));
    }
    out += rows.size() == 1 ? std::string("no guests are configured\n") : table(rows);
    out += warning_lines(status);
    const std::string severity = text(status, "severity");
    return out + fmt::format("\n{}\n", painted(colour_of(severity), severity));
}

std::string render_guest(const json::object& g) {
    std::string out = fmt::format("{} {} on {}: {}, {}\n", text(g, "guest"), text(g, "name"), text(g, "node"),
                                  text(g, "state"), text(g, "health"));
    if (!text(g, "reason").empty()) out += fmt::format("because: {}\n", text(g, "reason"));
    if (g.contains("hold"))
        out += fmt::format("held: {}\nreleased when: {}\n", text(object(g, "hold"), "text"),
                           text(object(g, "hold"), "release"));
    if (const json::object& f = object(g, "if_node_dies"); !f.empty())
        out += fmt::format("if its node died now: {}{}\n", text(f, "outcome") == "held" ? "it would stay down, " : "",
                           text(f, "text"));
    if (const json::object& b = object(g, "newest_backup"); !text(b, "volid").empty())
        out += fmt::format("newest good backup: {}, {} old{}\n", text(b, "volid"),
                           describe_duration(std::chrono::seconds(number(b, "age_s"))),
                           text(b, "health") == "unknown" ? "" : ", taken while it was " + text(b, "health"));
    if (const std::string late = text(object(g, "newest_backup"), "text"); !late.empty())
        out += fmt::format("WARNING: {}\n", late);
    if (!text(g, "parked_path").empty())
        out += fmt::format("original configuration kept: {}\n", text(g, "parked_path"));
    out += "\n";
    std::vector<std::vector<std::string>> checks{{"CHECK", "STATE", "TOOK", "REASON"}};
    for (const json::value& v : list(g, "checks")) {
        const json::object& c = v.as_object();
        checks.push_back(
            {text(c, "name"), text(c, "state"),
             fmt::format("{:.1f} ms", static_cast<double>(number(c, "took_us")) / 1000.0),
             text(c, "warning").empty() ? text(c, "reason") : text(c, "reason") + "; warning: " + text(c, "warning")});
    }
    out += table(checks);
    if (list(g, "story").empty()) return out;
    out += "\nlast story:\n";
    std::vector<std::vector<std::string>> story{{"WHEN", "STATE", "TOOK", "WHY"}};
    for (const json::value& v : list(g, "story")) {
        const json::object& l = v.as_object();
        story.push_back({text(l, "when"), text(l, "state"), took(l, "took_ms") + (truth(l, "over") ? "" : " so far"),
                         text(l, "why")});
    }
    return out + table(story);
}

std::string render_plan(const json::object& p) {
    if (!truth(p, "possible"))
        return fmt::format("{} would not be handed over ({}): {}\n{}released when: {}\n", text(p, "guest"),
                           text(p, "code"), text(p, "text"), rejections(p), text(p, "release"));
    std::string targets;
    for (const json::value& v : list(p, "targets")) targets += fmt::format(" {}", std::string(v.as_string()));
    std::string out = fmt::format("{} would be handed over: {} from {}, targets in order:{}\n", text(p, "guest"),
                                  text(p, "strategy"), text(p, "source"), targets);
    if (p.contains("backup")) {
        const json::object& b = object(p, "backup");
        if (text(b, "health") != "unknown")
            out += fmt::format("  its guest was {} when it was taken\n", text(b, "health"));
        out += fmt::format("  backup {} of {}\n  what changed in the last {} would be lost\n", text(b, "volid"),
                           text(b, "created"), took(b, "age_ms"));
    }
    if (!text(p, "storage").empty()) out += fmt::format("  new volumes on {}\n", text(p, "storage"));
    return out + rejections(p) + "nothing was changed\n";
}

int exit_code_of(const json::object& status) {
    const std::string word = text(status, "severity");
    if (word == "ok") return 0;
    if (word == "warning") return 1;
    return word == "critical" ? 2 : 3;
}

}  // namespace steward::cli
