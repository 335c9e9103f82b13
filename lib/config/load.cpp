#include "config/load.hpp"

#include "config/guest_sections.hpp"
#include "config/text_values.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <sys/stat.h>

namespace steward::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_complaints = 200;
constexpr std::size_t longest_socket_path = 107;  // sun_path of Linux, without its final zero

/// The settings, and the complaints and files that came up on the way.
class reading {
  public:
    settings values;
    complaints problems;
    std::vector<named_file> files;
};

void read_endpoints(section& s, cluster& into) {
    const auto add = [&](const std::string& text) -> result<void> {
        const auto parsed = parse_endpoint(text);
        if (!parsed) return parsed.error();
        into.endpoints.push_back(*parsed);
        return {};
    };
    const node* const many = s.texts("endpoints", add);
    const node* const one = s.texts("endpoint", add);
    if (many && one) s.complain(one->at, "endpoint", "endpoints is given as well: keep one of them");
    const bool empty_list = many && many->kind == node_kind::sequence && many->values.empty();
    if (empty_list) s.complain(many->at, "endpoints", "is an empty list");
    if (!many && !one) s.complain(s.at(), "endpoints is missing (endpoints: [https://192.0.2.11:8006])");
}

void read_trust(section& s, cluster& into, std::vector<named_file>& files) {
    const node* const ca = s.absolute_path("ca_file", into.ca_file);
    if (ca) files.emplace_back(ca->at, s.path_of("ca_file"), into.ca_file, false);
    const node* const pin = s.texts("fingerprint", [&](const std::string& text) -> result<void> {
        const auto parsed = parse_fingerprint(text);
        if (!parsed) return parsed.error();
        into.fingerprints.push_back(*parsed);
        return {};
    });
    const node* const insecure = s.boolean("insecure", into.insecure);
    if (pin && pin->kind == node_kind::sequence && pin->values.empty())
        s.complain(pin->at, "fingerprint", "is an empty list");
    if (ca && pin) s.complain(pin->at, "fingerprint", "contradicts ca_file: keep one of them");
    if (insecure && into.insecure && (ca || pin))
        s.complain(insecure->at, "insecure",
                   fmt::format("contradicts {}: keep one of them", ca ? "ca_file" : "fingerprint"));
}

void read_credentials(section& s, cluster& into, std::vector<named_file>& files) {
    const node* const token = s.absolute_path("token_file", into.token_file);
    if (token) files.emplace_back(token->at, s.path_of("token_file"), into.token_file, true);
    const node* const user = s.text("user", into.user);
    const node* const password = s.absolute_path("password_file", into.password_file);
    if (password) files.emplace_back(password->at, s.path_of("password_file"), into.password_file, true);
    const node* const totp = s.absolute_path("totp_file", into.totp_file);
    if (totp) files.emplace_back(totp->at, s.path_of("totp_file"), into.totp_file, true);
    if (totp && !user) s.complain(totp->at, "totp_file", "user is missing beside it: a token has no second factor");
    const bool whole_user = user && into.user.find('@') != std::string::npos;
    if (user && !whole_user)
        s.complain(user->at, "user", fmt::format("\"{}\" has no realm (try {}@pve)", into.user, into.user));
    if (token && (user || password)) {
        s.complain(user ? user->at : password->at, user ? "user" : "password_file",
                   "contradicts token_file: keep one of them");
    } else if (user && !password) {
        s.complain(user->at, "user", "password_file is missing beside it");
    } else if (password && !user) {
        s.complain(password->at, "password_file", "user is missing beside it (user: steward@pve)");
    }
}

void read_cluster(const node* n, reading& into) {
    if (!n) {
        into.problems.add({1, 1}, "", "cluster is missing (cluster: {endpoints: …, token_file: …})");
        return;
    }
    cluster& c = into.values.pve;
    section s(n, "cluster", into.problems);
    if (!s.usable()) return;
    s.text("name", c.name);
    read_endpoints(s, c);
    read_trust(s, c, into.files);
    const bool asked = std::any_of(n->keys.begin(), n->keys.end(), [](const node& k) {
        return k.text == "token_file" || k.text == "user" || k.text == "password_file";
    });
    read_credentials(s, c, into.files);
    if (!asked) s.complain(s.at(), "token_file is missing (or user and password_file)");
    s.time("request_timeout", c.request_timeout, {100ms, 10min});
    s.time("poll_interval", c.poll_interval, {100ms, 1h});
    s.number("calls_in_flight", c.calls_in_flight, {1, 100});
    s.number("calls_per_second", c.calls_per_second, {0, 10000});
    s.finish();
}

void read_log(const node* n, reading& into) {
    section s(n, "log", into.problems);
    const std::vector<std::string_view> levels{"debug", "info", "warning", "error"};
    std::size_t word = 0;
    if (s.choice("format", word, {"text", "json"}))
        into.values.terminal_log = word == 0 ? log_format::text : log_format::json;
    if (s.choice("level", word, levels)) into.values.log_level = levels[word];
    if (s.choice("wire", word, {"off", "lines", "bodies"})) into.values.log_wire = static_cast<wire_log>(word);
    s.finish();
}

fence_agent read_agent(section& s) {
    fence_agent agent;
    const node* const command = s.texts("command", [&](const std::string& word) {
        agent.command.push_back(word);
        return result<void>();
    });
    if (!command)
        s.complain(s.at(), "command", "is missing (command: [/usr/sbin/fence_ipmilan, -a, 192.0.2.12, …])");
    else if (agent.command.empty() || !agent.command.front().starts_with('/'))
        s.complain(command->at, "command", "begins with an absolute path");
    s.time("timeout", agent.timeout, {1s, 10min});
    s.finish();
    return agent;
}

void read_nodes(const node* n, settings& into, complaints& to) {
    if (!n) return;
    const section all(n, "nodes", to);
    for (std::size_t i = 0; all.usable() && i < n->keys.size(); ++i) {
        const auto name = parse_node_name(n->keys[i].text);
        if (!name) to.add(n->keys[i].at, "nodes", name.error().detail);
        section s(&n->values[i], "nodes." + n->keys[i].text.substr(0, 80), to);
        if (const node* const f = s.take("fence")) {
            section fence(f, s.path_of("fence"), to);
            fence_agent agent = read_agent(fence);
            if (name) into.agents.emplace(*name, std::move(agent));
        }
        bool is_ignored = false;
        s.boolean("ignored", is_ignored);
        if (name && is_ignored) into.ignored.insert(*name);
        s.finish();
    }
}

void read_socket(section& s, std::string_view key, std::string& into) {
    std::string path;
    const node* const n = s.absolute_path(key, path);
    if (!n) return;
    if (path.size() > longest_socket_path)
        s.complain(n->at, key, fmt::format("is longer than the {} characters of a socket path", longest_socket_path));
    else
        into = path;
}

/// Where probes may go. The API is Steward's own way to see: a check that hammers it must be meant.
void read_probes(const node* n, reading& into) {
    target_rules& rules = into.values.probe_targets;
    for (const endpoint& e : into.values.pve.endpoints) rules.add_api(e.host, e.port);
    section s(n, "probes", into.problems);
    s.texts("allow", [&](const std::string& text) { return rules.allow(text); });
    s.finish();
}

void read_all(const node& root, reading& into) {
    section s(&root, "", into.problems);
    if (!s.usable()) return;
    read_cluster(s.take("cluster"), into);
    std::size_t word = 0;
    if (s.choice("mode", word, {"observe", "armed"})) into.values.run_mode = word == 0 ? mode::observe : mode::armed;
    if (s.choice("daemons", word, {"one", "per-node"})) into.values.who = word == 0 ? daemons::one : daemons::per_node;
    if (const node* const named = s.text("node", into.values.node); named && !parse_node_name(into.values.node))
        s.complain(named->at, "node", fmt::format("\"{}\" is no name of a node", into.values.node));
    s.absolute_path("state_dir", into.values.state_dir);
    read_socket(s, "control_socket", into.values.control_socket);
    read_socket(s, "guard_socket", into.values.guard_socket);
    read_log(s.take("log"), into);
    read_nodes(s.take("nodes"), into.values, into.problems);
    read_probes(s.take("probes"), into);
    inherited defaults = read_defaults(s.take("defaults"), into.problems);
    defaults.targets = into.values.probe_targets;
    into.values.gateways = read_gateways(s.take("gateways"), defaults, into.problems, into.files);
    into.values.guests = read_guests(s.take("guests"), defaults, into.values.gateways, into.problems, into.files);
    s.finish();
}

/// Files are looked at only here: `parse` alone is pure.
void check_files(reading& into) {
    for (const named_file& f : into.files) {
        struct stat info {};
        if (::stat(f.path.c_str(), &info) != 0) {
            const std::error_code why(errno, std::generic_category());
            into.problems.add(f.at, f.path_of_key, fmt::format("{}: {}", f.path, why.message()));
        } else if (!S_ISREG(info.st_mode)) {
            into.problems.add(f.at, f.path_of_key, fmt::format("{} is not a file", f.path));
        } else if (f.is_secret && (info.st_mode & 077) != 0) {
            into.problems.add(f.at, f.path_of_key,
                              fmt::format("{} is a secret but has mode {:04o}: others may read it; chmod 600 it",
                                          f.path, info.st_mode & 07777));
        }
    }
}

/// One line of bounded length, whatever was quoted from the file.
std::string printable(std::string text) {
    constexpr std::size_t longest = 400;
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    if (text.size() <= longest) return text;
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;  // not inside a character
    return text.substr(0, end) + "…";
}

loaded finished(std::vector<complaint> found, settings values, const std::string& file) {
    loaded done;
    done.values = std::move(values);
    std::stable_sort(found.begin(), found.end(), [](const complaint& a, const complaint& b) {
        return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
    });
    const std::size_t shown = std::min(found.size(), most_complaints);
    for (std::size_t i = 0; i < shown; ++i)
        done.problems.push_back({file, found[i].at.line, found[i].at.column, printable(std::move(found[i].text))});
    if (shown < found.size()) done.problems.push_back({file, 0, 0, fmt::format("and {} more", found.size() - shown)});
    return done;
}

loaded read(std::string_view text, const std::string& file, bool look_at_files) {
    yaml_tree tree = read_yaml(text);
    if (!tree.readable) return finished(std::move(tree.complaints), {}, file);
    if (tree.root.kind == node_kind::nothing && tree.complaints.empty())
        return finished({complaint({1, 1}, "the file is empty (start with cluster:)")}, {}, file);
    reading into;
    into.problems.all() = std::move(tree.complaints);
    read_all(tree.root, into);
    if (look_at_files) check_files(into);
    return finished(std::move(into.problems.all()), std::move(into.values), file);
}

}  // namespace

std::string to_string(const diagnostic& d) {
    if (d.line == 0) return fmt::format("{}: {}", d.file, d.text);
    return fmt::format("{}:{}:{}: {}", d.file, d.line, d.column, d.text);
}

loaded parse(std::string_view text, const std::string& file) { return read(text, file, false); }

loaded load_file(const std::string& path) {
    constexpr std::streamsize limit = 1024 * 1024;
    const auto unreadable = [&](const std::string& why) { return finished({complaint({0, 0}, why)}, {}, path); };
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return unreadable(std::error_code(errno, std::generic_category()).message());
    if (!S_ISREG(info.st_mode)) return unreadable("is not a file");
    std::ifstream file(path, std::ios::binary);
    if (!file) return unreadable(std::error_code(errno, std::generic_category()).message());
    std::string text(static_cast<std::size_t>(limit) + 1, '\0');
    file.read(text.data(), limit + 1);
    if (file.bad()) return unreadable("cannot be read");
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (info.st_size > limit)
        return unreadable(fmt::format("is larger than 1 MiB ({} bytes): this is no configuration", info.st_size));
    return read(text, path, true);
}

}  // namespace steward::config
