#include "config/load.hpp"

#include "config/cluster_section.hpp"
#include "config/guest_sections.hpp"
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
    std::vector<settings> clusters;
    complaints problems;
    std::vector<named_file> files;
};

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

void read_socket(section& s, std::string_view key, std::string& into) {
    std::string path;
    const node* const n = s.absolute_path(key, path);
    if (!n) return;
    if (path.size() > longest_socket_path)
        s.complain(n->at, key, fmt::format("is longer than the {} characters of a socket path", longest_socket_path));
    else
        into = path;
}

/// An included file holds guests and nothing else: whatever is said once for all stands in the main file.
void read_included(const node& root, const inherited& defaults, guest_list& guests, reading& into) {
    if (root.kind == node_kind::nothing) return;
    section s(&root, "", into.problems);
    if (!s.usable()) return;
    guests.read(s.take("guests"), "guests", defaults, into.problems, into.files);
    for (const node& key : root.keys)
        if (key.text != "guests")
            into.problems.add(key.at, "",
                              fmt::format("\"{}\" does not belong here: an included file holds guests and nothing else",
                                          key.text.substr(0, 80)));
}

/// A cluster's part of the file: what `cluster` says and what stands beside it, or all of `clusters.NAME`.
/// `included`: what it includes, whose guests are its own.
void read_beside(section& s, const inherited& common, settings& one, const std::vector<yaml_tree>& included,
                 reading& into) {
    std::size_t word = 0;
    if (s.choice("mode", word, {"observe", "armed"})) one.run_mode = word == 0 ? mode::observe : mode::armed;
    read_socket(s, "guard_socket", one.guard_socket);
    read_nodes(s.take("nodes"), s.path_of("nodes"), one, into.problems);
    read_probes(s.take("probes"), s.path_of("probes"), one, into.problems);
    inherited defaults = read_defaults(s.take("defaults"), s.path_of("defaults"), common, into.problems);
    defaults.targets = one.probe_targets;
    one.gateways = read_gateways(s.take("gateways"), s.path_of("gateways"), defaults, into.problems, into.files);
    guest_list guests(one);
    guests.read(s.take("guests"), s.path_of("guests"), defaults, into.problems, into.files);
    for (const yaml_tree& file : included) read_included(file.root, defaults, guests, into);
    guests.sort();
}

bool is_cluster_name(const std::string& text) {
    constexpr std::size_t longest = 32;
    return !text.empty() && text.size() <= longest && text.front() != '-' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

/// Two clusters with one guard would park the guests of one in the other's file system.
void check_guards(const std::vector<settings>& all, place at, complaints& to) {
    for (auto one = all.begin(); one != all.end(); ++one)
        for (auto other = all.begin(); other != one; ++other)
            if (one->guard_socket == other->guard_socket)
                to.add(at, "clusters." + one->cluster_key + ".guard_socket",
                       fmt::format("is that of {} as well: a guard belongs to one cluster", other->cluster_key));
}

void read_clusters(const node& n, const settings& common, const inherited& defaults, reading& into) {
    const section all(&n, "clusters", into.problems);
    if (!all.usable()) return;
    if (n.keys.empty()) into.problems.add(n.at, "clusters", "names no cluster");
    for (std::size_t i = 0; i < n.keys.size(); ++i) {
        const node& key = n.keys[i];
        if (!is_cluster_name(key.text))
            into.problems.add(key.at, "clusters",
                              fmt::format("\"{}\" is no name for a cluster (a-z, 0-9 and -, at most 32 characters)",
                                          key.text.substr(0, 80)));
        settings one = common;
        one.cluster_key = key.text;
        one.state_dir = common.state_dir + "/" + key.text;
        const std::size_t slash = common.guard_socket.rfind('/');
        one.guard_socket = common.guard_socket.substr(0, slash + 1) + key.text + ".sock";
        section s(&n.values[i], "clusters." + key.text.substr(0, 80), into.problems);
        if (!s.usable()) continue;
        read_way(s, n.values[i], one.pve, into.files);
        read_beside(s, defaults, one, {}, into);
        s.finish();
        into.clusters.push_back(std::move(one));
    }
    check_guards(into.clusters, n.at, into.problems);
    if (common.who == daemons::per_node && n.keys.size() > 1)
        into.problems.add(
            n.at, "clusters",
            "takes daemons: one: with per-node each daemon belongs to the cluster of its own node, by that "
            "node's guard, and can take part in no other");
}

/// With several clusters these stand below each of them.
void refuse_beside_clusters(section& s) {
    for (const char* key : {"guests", "gateways", "nodes", "guard_socket"})
        if (const node* const n = s.take(key)) s.complain(n->at, key, "belongs below clusters.NAME");
}

void read_all(const node& root, const std::vector<yaml_tree>& included, reading& into) {
    section s(&root, "", into.problems);
    if (!s.usable()) return;
    settings& common = into.values;
    const node* const one = s.take("cluster");
    const node* const many = s.take("clusters");
    if (one && many) s.complain(many->at, "clusters", "cluster is given as well: keep one of them");
    std::size_t word = 0;
    if (s.choice("daemons", word, {"one", "per-node"})) common.who = word == 0 ? daemons::one : daemons::per_node;
    if (const node* const named = s.text("node", common.node); named && !parse_node_name(common.node))
        s.complain(named->at, "node", fmt::format("\"{}\" is no name of a node", common.node));
    s.absolute_path("state_dir", common.state_dir);
    read_socket(s, "control_socket", common.control_socket);
    read_log(s.take("log"), into);
    if (!many) {
        if (!one) into.problems.add({1, 1}, "", "cluster is missing (cluster: {endpoints: …, token_file: …})");
        if (one) {
            section way(one, "cluster", into.problems);
            if (way.usable()) read_way(way, *one, common.pve, into.files);
            if (way.usable()) way.finish();
        }
        s.texts("include", check_pattern);
        read_beside(s, inherited(), common, included, into);
        into.clusters.push_back(common);
    } else {
        if (s.choice("mode", word, {"observe", "armed"})) common.run_mode = word == 0 ? mode::observe : mode::armed;
        read_probes(s.take("probes"), "probes", common, into.problems);
        const inherited defaults = read_defaults(s.take("defaults"), "defaults", inherited(), into.problems);
        refuse_beside_clusters(s);
        if (const node* const n = s.take("include"))
            s.complain(n->at, "include", "is for one cluster: with clusters all guests stand in this file");
        read_clusters(*many, common, defaults, into);
        if (!into.clusters.empty()) common = into.clusters.front();
    }
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
    loaded done = finished(std::move(into.problems.all()), std::move(into.values), sources);
    done.clusters = std::move(into.clusters);
    return done;
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
