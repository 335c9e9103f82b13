#include "sim/model/file_tree.hpp"

#include "runtime/directory_stamp.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>

namespace steward::sim {
namespace fs = std::filesystem;

namespace {

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

void copy_below(const file_tree& from, const std::string& path, file_tree& to) {
    for (const std::string& name : from.list(path)) {
        const std::string here = path.empty() ? name : path + "/" + name;
        if (const auto text = from.read(here)) {
            to.write(here, *text);
        } else {
            to.make_directory(here);
            copy_below(from, here, to);
        }
    }
}

}  // namespace

memory_tree::memory_tree(const file_tree& of) { copy_below(of, "", *this); }

std::optional<std::string> memory_tree::read(const std::string& path) const {
    const auto found = files_.find(path);
    if (found == files_.end()) return std::nullopt;
    return found->second;
}

void memory_tree::touch(const std::string& path) {
    ++changes_;
    stamps_[directory_of(path)] = changes_;
}

std::uint64_t memory_tree::stamp(const std::string& directory) const {
    const auto found = stamps_.find(directory);
    return found == stamps_.end() ? 0 : found->second;
}

void memory_tree::write(const std::string& path, const std::string& text) {
    files_[path] = text;
    touch(path);
}

bool memory_tree::rename(const std::string& from, const std::string& to) {
    auto node = files_.extract(from);
    if (node.empty()) return false;
    files_[to] = std::move(node.mapped());
    touch(from);
    touch(to);
    return true;
}

bool memory_tree::remove(const std::string& path) {
    const bool was_there = files_.erase(path) != 0 || directories_.erase(path) != 0;
    if (was_there) touch(path);
    return was_there;
}

bool memory_tree::exists(const std::string& path) const {
    if (files_.count(path) != 0 || directories_.count(path) != 0) return true;
    const auto below = files_.lower_bound(path + "/");
    return below != files_.end() && below->first.starts_with(path + "/");
}

bool memory_tree::make_directory(const std::string& path) {
    const bool is_new = directories_.insert(path).second;
    if (is_new) touch(path);
    return is_new;
}

std::vector<std::string> memory_tree::list(const std::string& path) const {
    std::set<std::string> names;
    const std::string prefix = path.empty() ? path : path + "/";
    const auto collect = [&](const std::string& entry) {
        if (entry.compare(0, prefix.size(), prefix) != 0) return;
        names.insert(entry.substr(prefix.size(), entry.find('/', prefix.size()) - prefix.size()));
    };
    for (auto it = files_.lower_bound(prefix); it != files_.end() && it->first.starts_with(prefix); ++it)
        collect(it->first);
    for (const std::string& directory : directories_) collect(directory);
    return {names.begin(), names.end()};
}

directory_tree::directory_tree(fs::path root) : root_(std::move(root)) { fs::create_directories(root_); }

std::optional<std::string> directory_tree::read(const std::string& path) const {
    std::ifstream in(root_ / path, std::ios::binary);
    if (!in || !fs::is_regular_file(root_ / path)) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(in), {});
}

void directory_tree::write(const std::string& path, const std::string& text) {
    const fs::path target = root_ / path;
    fs::create_directories(target.parent_path());
    const fs::path temporary = target.string() + ".tmp." + std::to_string(::getpid());
    {
        std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
        out << text;
        out.flush();
        if (!out) throw fs::filesystem_error("write", temporary, std::error_code(errno, std::generic_category()));
    }
    fs::rename(temporary, target);
    ++changes_;
}

std::uint64_t directory_tree::stamp(const std::string& directory) const {
    const auto stamp = directory_stamp(root_ / directory);
    return stamp ? *stamp : ++unsure_;
}

bool directory_tree::rename(const std::string& from, const std::string& to) {
    const fs::path target = root_ / to;
    fs::create_directories(target.parent_path());
    std::error_code ec;
    fs::rename(root_ / from, target, ec);
    if (ec && ec != std::errc::no_such_file_or_directory)
        throw fs::filesystem_error("rename", root_ / from, target, ec);
    ++changes_;
    return !ec;
}

bool directory_tree::remove(const std::string& path) {
    ++changes_;
    return fs::remove(root_ / path);
}

bool directory_tree::make_directory(const std::string& path) {
    fs::create_directories((root_ / path).parent_path());
    ++changes_;
    return fs::create_directory(root_ / path);
}

bool directory_tree::exists(const std::string& path) const {
    std::error_code ignored;
    return fs::exists(root_ / path, ignored);
}

std::vector<std::string> directory_tree::list(const std::string& path) const {
    std::vector<std::string> names;
    std::error_code missing;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_ / path, missing))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace steward::sim
