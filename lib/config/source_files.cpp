#include "config/source_files.hpp"

#include "config/yaml_tree.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <fnmatch.h>
#include <fstream>
#include <sys/stat.h>

namespace steward::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_included = 1000;
constexpr std::streamsize largest_file = 1024 * 1024;

std::string system_words() { return std::error_code(errno, std::generic_category()).message(); }

/// The text of a file; empty `why` when it could be read.
std::string read_text(const std::string& path, std::string& why) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return why = system_words(), "";
    if (!S_ISREG(info.st_mode)) return why = "is not a file", "";
    std::ifstream file(path, std::ios::binary);
    if (!file) return why = system_words(), "";
    std::string text(static_cast<std::size_t>(largest_file) + 1, '\0');
    file.read(text.data(), largest_file + 1);
    if (file.bad()) return why = "cannot be read", "";
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (info.st_size > largest_file)
        why = fmt::format("is larger than 1 MiB ({} bytes): this is no configuration", info.st_size);
    return text;
}

/// The patterns of `include`, as far as they are some; the loader complains about the others.
std::vector<std::string> patterns_in(const std::string& text) {
    std::vector<std::string> patterns;
    // Most files have none, and a big one is not read twice for that.
    if (text.find("include") == std::string::npos) return patterns;
    const yaml_tree tree = read_yaml(text);
    for (std::size_t i = 0; i < tree.root.keys.size(); ++i) {
        if (tree.root.keys[i].text != "include") continue;
        const node& n = tree.root.values[i];
        if (n.kind == node_kind::scalar) patterns.push_back(n.text);
        for (const node& item : n.values)
            if (n.kind == node_kind::sequence && item.kind == node_kind::scalar) patterns.push_back(item.text);
    }
    return patterns;
}

/// The files that a pattern names, in the order of their names. A directory that is not there has none.
std::vector<std::string> files_of(const std::string& pattern, const std::string& main_file) {
    const fs::path whole =
        fs::path(pattern).is_absolute() ? fs::path(pattern) : fs::path(main_file).parent_path() / pattern;
    std::vector<std::string> found;
    std::error_code ec;
    for (fs::directory_iterator at(whole.parent_path(), ec), end; !ec && at != end; at.increment(ec)) {
        const std::string name = at->path().filename().string();
        // What an editor or a package manager leaves beside a file is none of ours: *.yaml does not match it.
        if (::fnmatch(whole.filename().c_str(), name.c_str(), FNM_PERIOD) == 0) found.push_back(at->path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

result<void> check_pattern(const std::string& pattern) {
    const fs::path path(pattern);
    if (path.filename().empty() || path.filename() == "..")
        return fault(errc::invalid, "", fmt::format("\"{}\" names no files (try conf.d/*.yaml)", pattern));
    if (path.parent_path().string().find_first_of("*?[") != std::string::npos)
        return fault(errc::invalid, "", fmt::format("\"{}\": only the file's name may have * and ?", pattern));
    return {};
}

source_files read_source_files(const std::string& path) {
    source_files all;
    const auto add = [&](const std::string& name) {
        std::string why;
        std::string text = read_text(name, why);
        if (!why.empty()) all.problems.push_back({name, 0, 0, why});
        all.sources.emplace_back(name, std::move(text));
    };
    add(path);
    if (!all.problems.empty()) return all;
    for (const std::string& pattern : patterns_in(all.sources.front().text)) {
        if (!check_pattern(pattern)) continue;
        for (const std::string& name : files_of(pattern, path)) {
            const auto is_same = [&](const source_text& s) { return s.name == name; };
            if (std::any_of(all.sources.begin(), all.sources.end(), is_same)) continue;
            if (all.sources.size() > most_included) {
                all.problems.push_back({path, 0, 0, fmt::format("includes more than {} files", most_included)});
                return all;
            }
            add(name);
        }
    }
    return all;
}

}  // namespace steward::config
