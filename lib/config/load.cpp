#include "config/load.hpp"

#include "config/cluster_section.hpp"
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
    if (s.choice("level", word, levels)) into.values.log_level = levels[word];
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

/// A cluster's part of the file: what `cluster` says and what stands beside it, or all of `clusters.NAME`.
void read_beside(section& s, const inherited& common, settings& one, reading& into) {
    std::size_t word = 0;
    if (s.choice("mode", word, {"observe", "armed"})) one.run_mode = word == 0 ? mode::observe : mode::armed;
    read_socket(s, "guard_socket", one.guard_socket);
    read_nodes(s.take("nodes"), s.path_of("nodes"), one, into.problems);
    read_probes(s.take("probes"), s.path_of("probes"), one, into.problems);
    inherited defaults = read_defaults(s.take("defaults"), s.path_of("defaults"), common, into.problems);
    defaults.targets = one.probe_targets;
    read_guests(s.take("guests"), s.path_of("guests"), defaults, one, into.problems, into.files);
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
        read_beside(s, defaults, one, into);
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
    for (const char* key : {"guests", "nodes", "guard_socket"})
        if (const node* const n = s.take(key)) s.complain(n->at, key, "belongs below clusters.NAME");
}

void read_all(const node& root, reading& into) {
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
        read_beside(s, inherited(), common, into);
        into.clusters.push_back(common);
    } else {
        if (s.choice("mode", word, {"observe", "armed"})) common.run_mode = word == 0 ? mode::observe : mode::armed;
        read_probes(s.take("probes"), "probes", common, into.problems);
        const inherited defaults = read_defaults(s.take("defaults"), "defaults", inherited(), into.problems);
        refuse_beside_clusters(s);
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
    loaded done = finished(std::move(into.problems.all()), std::move(into.values), file);
    done.clusters = std::move(into.clusters);
    return done;
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
