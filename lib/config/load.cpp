#include "config/load.hpp"

#include "config/guest_sections.hpp"
#include "config/hook_section.hpp"
#include "config/source_files.hpp"
#include "config/text_values.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <sys/stat.h>
#include <tuple>

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
    word = 1;
    if (s.choice("level", word, levels)) into.values.log_level = levels[word];
    word = 0;
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

/// An included file holds guests and nothing else: whatever is said once for all stands in the main file.
void read_included(const node& root, const inherited& defaults, guest_list& guests, reading& into) {
    if (root.kind == node_kind::nothing) return;
    section s(&root, "", into.problems);
    if (!s.usable()) return;
    guests.read(s.take("guests"), defaults, into.problems, into.files);
    for (const node& key : root.keys)
        if (key.text != "guests")
            into.problems.add(key.at, "",
                              fmt::format("\"{}\" does not belong here: an included file holds guests and nothing else",
                                          key.text.substr(0, 80)));
}

void read_all(const node& root, const std::vector<yaml_tree>& included, reading& into) {
    section s(&root, "", into.problems);
    if (!s.usable()) return;
    read_cluster(s.take("cluster"), into);
    std::size_t word = 0;
    if (s.choice("mode", word, {"observe", "armed"})) into.values.run_mode = word == 0 ? mode::observe : mode::armed;
    word = 0;
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
    read_hooks(s.take("hooks"), "hooks", defaults.common_hooks, into.problems, into.files);
    s.texts("include", check_pattern);
    guest_list guests;
    guests.read(s.take("guests"), defaults, into.problems, into.files);
    s.finish();
    for (const yaml_tree& file : included) read_included(file.root, defaults, guests, into);
    into.values.guests = guests.take();
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

loaded finished(std::vector<complaint> found, settings values, const std::vector<source_text>& sources) {
    loaded done;
    done.values = std::move(values);
    std::stable_sort(found.begin(), found.end(), [](const complaint& a, const complaint& b) {
        return std::tuple(a.at.file, a.at.line, a.at.column) < std::tuple(b.at.file, b.at.line, b.at.column);
    });
    const std::size_t shown = std::min(found.size(), most_complaints);
    for (std::size_t i = 0; i < shown; ++i)
        done.problems.push_back({sources[static_cast<std::size_t>(found[i].at.file)].name, found[i].at.line,
                                 found[i].at.column, printable(std::move(found[i].text))});
    if (shown < found.size())
        done.problems.push_back({sources.front().name, 0, 0, fmt::format("and {} more", found.size() - shown)});
    return done;
}

void stamp(node& n, int file) {
    n.at.file = file;
    for (node& key : n.keys) stamp(key, file);
    for (node& value : n.values) stamp(value, file);
}

yaml_tree read_stamped(const source_text& source, int file) {
    yaml_tree tree = read_yaml(source.text);
    stamp(tree.root, file);
    for (complaint& c : tree.complaints) c.at.file = file;
    return tree;
}

/// `sources` begins with the main file. `records`: where to write down what was read, or null.
loaded read(const std::vector<source_text>& sources, bool look_at_files, std::vector<key_record>* records = nullptr) {
    yaml_tree tree = read_stamped(sources.front(), 0);
    if (!tree.readable) return finished(std::move(tree.complaints), {}, sources);
    if (tree.root.kind == node_kind::nothing && tree.complaints.empty())
        return finished({complaint({1, 1}, "the file is empty (start with cluster:)")}, {}, sources);
    reading into;
    into.problems.records = records;
    for (const source_text& s : sources) into.problems.files.push_back(s.name);
    std::vector<yaml_tree> included;
    for (std::size_t i = 1; i < sources.size(); ++i) included.push_back(read_stamped(sources[i], static_cast<int>(i)));
    into.problems.all() = std::move(tree.complaints);
    for (yaml_tree& i : included)
        for (complaint& c : i.complaints) into.problems.all().push_back(std::move(c));
    read_all(tree.root, included, into);
    if (look_at_files) check_files(into);
    return finished(std::move(into.problems.all()), std::move(into.values), sources);
}

}  // namespace

std::string to_string(const diagnostic& d) {
    if (d.line == 0) return fmt::format("{}: {}", d.file, d.text);
    return fmt::format("{}:{}:{}: {}", d.file, d.line, d.column, d.text);
}

loaded parse(std::string_view text, const std::string& file) {
    return read({source_text(file, std::string(text))}, false);
}

loaded parse(const std::vector<source_text>& sources) { return read(sources, false); }

std::vector<key_record> keys_of(const std::vector<source_text>& sources) {
    std::vector<key_record> keys;
    static_cast<void>(read(sources, false, &keys));
    return keys;
}

loaded load_file(const std::string& path) {
    source_files found = read_source_files(path);
    if (!found.problems.empty()) {
        loaded failed;
        failed.problems = std::move(found.problems);
        return failed;
    }
    loaded done = read(found.sources, true);
    done.sources = std::move(found.sources);
    return done;
}

}  // namespace steward::config
