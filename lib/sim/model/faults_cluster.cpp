#include "sim/model/fault_words.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <sstream>

namespace steward::sim {

namespace {

using text = std::string;

duration seconds_of(double s) { return std::chrono::duration_cast<duration>(std::chrono::duration<double>(s)); }

/// "30", "30s", "5m".
std::optional<duration> time_of(const std::string& word) {
    if (const auto plain = read_number(word); plain && *plain >= 0) return seconds_of(*plain);
    const auto d = parse_duration(word);
    return d ? std::optional(*d) : std::nullopt;
}

result<node_name> node_of(const cluster& model, const std::string& word) {
    const node_name name(word);
    if (model.find_node(name) == nullptr) return bad_command("no node " + word);
    return name;
}

result<std::vector<node_name>> nodes_of(const cluster& model, const std::string& list) {
    std::vector<node_name> all;
    if (list == "any") return model.configured().nodes;
    std::istringstream in(list);
    for (std::string word; std::getline(in, word, ',');) {
        const auto name = node_of(model, word);
        if (!name) return name.error();
        all.push_back(*name);
    }
    if (all.empty()) return bad_command("no node named");
    return all;
}

/// power|net|cnet|svc N on|off
result<text> switch_command(cluster& model, const fault_words& w) {
    if (w.size() != 3 || (w[2] != "on" && w[2] != "off")) return bad_command(w[0] + " N on|off");
    const auto nodes = nodes_of(model, w[1]);
    if (!nodes) return nodes.error();
    const bool on = w[2] == "on";
    for (const node_name& name : *nodes) {
        if (w[0] == "power") model.power(name, on);
        if (w[0] == "net") model.connect(name, on);
        if (w[0] == "cnet") model.connect_cluster_network(name, on);
        if (w[0] == "svc") model.find_node(name)->guest_network = on;
    }
    return text();
}

result<text> reset_command(cluster& model, const fault_words& w) {
    if (w.size() != 2) return bad_command(w[0] + " N");
    const auto name = node_of(model, w[1]);
    if (!name) return name.error();
    if (w[0] == "reset")
        model.reset(*name);
    else
        model.power(*name, true);
    return text();
}

/// part A,B|C, part A>B, part ring, part A,B|C bridge N
result<text> part_command(cluster& model, const fault_words& w) {
    const std::string shape = w.size() > 1 ? w[1] : "";
    const auto& all = model.configured().nodes;
    if (shape == "ring" && w.size() == 2) {
        // Everybody hears only the neighbours.
        for (std::size_t a = 0; a < all.size(); ++a)
            for (std::size_t b = 0; b < all.size(); ++b) {
                const std::size_t apart = a > b ? a - b : b - a;
                if (apart > 1 && apart + 1 != all.size()) model.cut(all[a], all[b]);
            }
        return text();
    }
    if (const std::size_t arrow = shape.find('>'); arrow != std::string::npos && w.size() == 2) {
        const auto from = nodes_of(model, shape.substr(0, arrow));
        const auto to = nodes_of(model, shape.substr(arrow + 1));
        if (!from) return from.error();
        if (!to) return to.error();
        for (const node_name& a : *from)
            for (const node_name& b : *to) model.cut(a, b);
        return text();
    }
    const bool has_bridge = w.size() == 4 && w[2] == "bridge";
    if (shape.find('|') == std::string::npos || (w.size() != 2 && !has_bridge))
        return bad_command("part A,B|C [bridge N], part A>B, part ring");
    const node_name bridge(has_bridge ? w[3] : "");
    if (has_bridge && model.find_node(bridge) == nullptr) return bad_command("no node " + w[3]);
    std::vector<std::vector<node_name>> sides;
    std::istringstream in(shape);
    for (std::string side; std::getline(in, side, '|');) {
        auto nodes = nodes_of(model, side);
        if (!nodes) return nodes.error();
        sides.push_back(std::move(*nodes));
    }
    for (const auto& one : sides)
        for (const auto& other : sides)
            if (&one != &other)
                for (const node_name& a : one)
                    for (const node_name& b : other)
                        if (a != bridge && b != bridge) model.cut(a, b);
    return text();
}

result<text> heal_command(cluster& model, const fault_words& w) {
    if (w.size() != 1) return bad_command("heal");
    model.mend_network();
    return text();
}

result<text> pause_command(cluster& model, const fault_words& w) {
    const auto time = w.size() == 3 ? time_of(w[2]) : std::nullopt;
    if (!time) return bad_command("pause N TIME (like pause n2 30s)");
    const auto name = node_of(model, w[1]);
    if (!name) return name.error();
    model.freeze(*name, *time);
    return text();
}

/// clock N step 30s|-30s, clock N drift 100ppm, clock N ok
result<text> clock_command(cluster& model, const fault_words& w) {
    if (w.size() < 3) return bad_command("clock N step TIME|drift PPM|ok");
    const auto name = node_of(model, w[1]);
    if (!name) return name.error();
    const sim_node* n = model.find_node(*name);
    if (w[2] == "ok" && w.size() == 3) {
        model.set_clock(*name, duration::zero(), 0);
        return text();
    }
    if (w[2] == "step" && w.size() == 4) {
        const bool back = w[3].starts_with("-");
        const auto time = time_of(back ? w[3].substr(1) : w[3]);
        if (!time) return bad_command("\"" + w[3] + "\" is no time (like 30s or -5m)");
        const duration ahead = std::chrono::duration_cast<duration>(model.wall_now(*name) - model.wall_now());
        model.set_clock(*name, ahead + (back ? -*time : *time), n->clock_drift);
        return text();
    }
    if (w[2] == "drift" && w.size() == 4) {
        std::string figure = w[3];
        if (figure.ends_with("ppm")) figure.resize(figure.size() - 3);
        const auto ppm = read_number(figure);
        if (!ppm) return bad_command("\"" + w[3] + "\" is no drift (like 200ppm)");
        const duration ahead = std::chrono::duration_cast<duration>(model.wall_now(*name) - model.wall_now());
        model.set_clock(*name, ahead, *ppm / 1e6);
        return text();
    }
    return bad_command("clock N step TIME|drift PPM|ok");
}

/// service N pveproxy|pvedaemon|pmxcfs|pvestatd stop|freeze|start
result<text> service_command(cluster& model, const fault_words& w) {
    static const std::map<std::string, service sim_node::*> daemons = {{"pveproxy", &sim_node::pveproxy},
                                                                       {"pvedaemon", &sim_node::pvedaemon},
                                                                       {"pmxcfs", &sim_node::pmxcfs},
                                                                       {"pvestatd", &sim_node::pvestatd}};
    static const std::map<std::string, service> states = {
        {"stop", service::stopped}, {"freeze", service::frozen}, {"start", service::up}};
    if (w.size() != 4 || daemons.count(w[2]) == 0 || states.count(w[3]) == 0)
        return bad_command("service N pveproxy|pvedaemon|pmxcfs|pvestatd stop|freeze|start");
    const auto name = node_of(model, w[1]);
    if (!name) return name.error();
    model.set_service(*name, daemons.at(w[2]), states.at(w[3]));
    return text();
}

result<text> quorum_command(cluster& model, const fault_words& w) {
    if (w.size() != 2 || (w[1] != "on" && w[1] != "off")) return bad_command(w[0] + " on|off");
    (w[0] == "quorum" ? model.faults().quorum_off : model.faults().qdevice_off) = w[1] == "off";
    return text();
}

/// wd N fire: a client of watchdog-mux dies without its V, and the node is reset ten seconds later.
result<text> watchdog_command(cluster& model, const fault_words& w) {
    if (w.size() != 3 || w[2] != "fire") return bad_command("wd N fire");
    const auto name = node_of(model, w[1]);
    if (!name) return name.error();
    watchdog_mux& mux = model.find_node(*name)->watchdog;
    const auto client = mux.connect(model.now());
    if (!client) return bad_command("the watchdog of " + w[1] + " takes no client");
    mux.close(*client, false, model.now());
    model.watch_watchdog(*name);
    return text();
}

/// worker G kill: whatever worker of that guest runs now
result<text> worker_command(cluster& model, const fault_words& w) {
    if (w.size() != 3 || w[2] != "kill") return bad_command("worker G kill");
    const auto guest = parse_guest_word(w[1]);
    if (!guest) return guest.error();
    std::vector<std::string> found;
    for (const auto& [upid, t] : model.tasks())
        if (t.running() && t.work.id == to_string(guest->id)) found.push_back(upid);
    if (found.empty()) return bad_command("no worker of " + w[1] + " runs now");
    for (const std::string& upid : found) model.kill_worker(upid);
    return text();
}

/// tasklog N|any silent|ok
result<text> tasklog_command(cluster& model, const fault_words& w) {
    if (w.size() != 3 || (w[2] != "silent" && w[2] != "ok")) return bad_command("tasklog N|any silent|ok");
    const auto nodes = nodes_of(model, w[1]);
    if (!nodes) return nodes.error();
    for (const node_name& n : *nodes) {
        if (w[2] == "silent")
            model.faults().silent_logs.insert(n);
        else
            model.faults().silent_logs.erase(n);
    }
    return text();
}

/// What one of "garbage", "latency 2s", "status-lie ct101 stopped"… means; `used` words of it.
result<api_fault> api_fault_of(const fault_words& w, std::size_t& used) {
    static const std::map<std::string, api_mode> plain = {{"hang", api_mode::hang},
                                                          {"stall", api_mode::stall},
                                                          {"garbage", api_mode::garbage},
                                                          {"drop-reply", api_mode::drop_reply},
                                                          {"truncate", api_mode::truncate},
                                                          {"drop-request", api_mode::drop_request},
                                                          {"list-empty", api_mode::list_empty}};
    used = 3;
    if (const auto mode = plain.find(w[2]); mode != plain.end()) return api_fault(mode->second, 0);
    if (const auto code = read_number(w[2]); code && *code >= 400 && *code < 600)
        return api_fault(api_mode::code, static_cast<int>(*code));
    api_fault f(api_mode::latency, 0);
    used = 4;
    if (w[2] == "latency") {
        const auto time = w.size() > 3 ? time_of(w[3]) : std::nullopt;
        if (!time) return bad_command("api N latency TIME (like 500ms)");
        f.extra = *time;
        return f;
    }
    if (w[2] == "huge") {
        const auto mebibytes = w.size() > 3 ? read_number(w[3]) : std::nullopt;
        if (!mebibytes || *mebibytes <= 0 || *mebibytes > 1024) return bad_command("api N huge MEBIBYTES (to 1024)");
        f.mode = api_mode::flood;
        f.bytes = static_cast<std::uint64_t>(*mebibytes * 1048576);
        return f;
    }
    if (w[2] == "status-lie") {
        if (w.size() < 5 || (w[4] != "running" && w[4] != "stopped"))
            return bad_command("api N status-lie G running|stopped");
        const auto guest = parse_guest_word(w[3]);
        if (!guest) return guest.error();
        f.mode = api_mode::status_lie;
        f.about = *guest;
        f.lie = w[4];
        used = 5;
        return f;
    }
    return bad_command("the API cannot \"" + w[2] + "\"");
}

result<text> api_command(cluster& model, const fault_words& w) {
    constexpr const char* usage =
        "api N|any CODE|latency T|hang|stall|garbage|truncate|huge M|drop-request|drop-reply|list-empty|status-lie G S|"
        "ok [SECONDS]";
    if (w.size() < 3) return bad_command(usage);
    const auto nodes = nodes_of(model, w[1]);
    if (!nodes) return nodes.error();
    if (w[2] == "ok" && w.size() == 3) {
        for (const node_name& n : *nodes) model.faults().api.erase(n);
        return text();
    }
    std::size_t used = 0;
    auto f = api_fault_of(w, used);
    if (!f) return f.error();
    if (w.size() > used + 1) return bad_command(usage);
    if (w.size() == used + 1) {
        const auto time = time_of(w[used]);
        if (!time || *time <= duration::zero()) return bad_command("\"" + w[used] + "\" is no number of seconds");
        f->until = model.now() + *time;
    }
    for (const node_name& n : *nodes) model.faults().api.insert_or_assign(n, *f);
    return text();
}

}  // namespace

fault_command cluster_fault_command(std::string_view verb) {
    static const std::map<std::string, fault_command, std::less<>> commands = {
        {"power", switch_command},   {"net", switch_command},  {"cnet", switch_command},     {"svc", switch_command},
        {"reset", reset_command},    {"boot", reset_command},  {"part", part_command},       {"heal", heal_command},
        {"pause", pause_command},    {"clock", clock_command}, {"service", service_command}, {"quorum", quorum_command},
        {"qdevice", quorum_command}, {"wd", watchdog_command}, {"api", api_command},         {"worker", worker_command},
        {"tasklog", tasklog_command}};
    const auto found = commands.find(verb);
    return found == commands.end() ? nullptr : found->second;
}

}  // namespace steward::sim
