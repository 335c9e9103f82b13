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

std::string_view directory_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_in(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

/// Whether it was there.
template <class Container>
bool erase_name(Container& from, std::string_view name) {
    const auto found = from.find(name);
    if (found == from.end()) return false;
    from.erase(found);
    return true;
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

const memory_tree::directory* memory_tree::find(std::string_view path) const {
    const auto found = directories_.find(path);
    return found == directories_.end() ? nullptr : &found->second;
}

/// Made when it is missing, with those above it.
memory_tree::directory& memory_tree::directory_at(std::string_view path) {
    const auto found = directories_.find(path);
    if (found != directories_.end()) return found->second;
    directory_at(directory_of(path)).directories.emplace(name_in(path));
    return directories_[std::string(path)];
}

void memory_tree::touch(directory& where, std::string_view path) {
    where.stamp = ++last_stamp_;
    if (path.ends_with(".conf")) ++changes_;
}

const std::string* memory_tree::find_file(std::string_view path) const {
    const directory* where = find(directory_of(path));
    if (where == nullptr) return nullptr;
    const auto found = where->files.find(name_in(path));
    return found == where->files.end() ? nullptr : &found->second;
}

std::optional<std::string> memory_tree::read(const std::string& path) const {
    const std::string* text = find_file(path);
    if (text == nullptr) return std::nullopt;
    return *text;
}

bool memory_tree::holds(const std::string& path, std::string_view text) const {
    const std::string* known = find_file(path);
    return known == nullptr ? text.empty() : *known == text;
}

std::vector<std::pair<std::string, std::string>> memory_tree::files_in(const std::string& path) const {
    const directory* where = find(path);
    if (where == nullptr) return {};
    return {where->files.begin(), where->files.end()};
}

std::uint64_t memory_tree::stamp(const std::string& path) const {
    const auto* where = find(path);
    return where == nullptr ? 0 : where->stamp;
}

void memory_tree::write(const std::string& path, const std::string& text) {
    directory& where = directory_at(directory_of(path));
    where.files.insert_or_assign(std::string(name_in(path)), text);
    touch(where, path);
}

bool memory_tree::rename(const std::string& from, const std::string& to) {
    directory& source = directory_at(directory_of(from));
    const auto found = source.files.find(name_in(from));
    if (found == source.files.end()) return false;
    auto file = source.files.extract(found);
    touch(source, from);
    directory& target = directory_at(directory_of(to));
    target.files.insert_or_assign(std::string(name_in(to)), std::move(file.mapped()));
    touch(target, to);
    return true;
}

bool memory_tree::remove(const std::string& path) {
    const auto itself = directories_.find(path);
    const bool is_empty = itself != directories_.end() && itself->second.files.empty() &&
                          itself->second.directories.empty() && !path.empty();
    if (is_empty) directories_.erase(itself);
    const auto above = directories_.find(directory_of(path));
    if (above == directories_.end()) return false;
    directory& where = above->second;
    const bool was_there =
        erase_name(where.files, name_in(path)) || (is_empty && erase_name(where.directories, name_in(path)));
    if (was_there) touch(where, path);
    return was_there;
}

bool memory_tree::exists(const std::string& path) const {
    if (find(path) != nullptr) return true;
    const directory* where = find(directory_of(path));
    return where != nullptr && where->files.count(name_in(path)) != 0;
}

bool memory_tree::make_directory(const std::string& path) {
    if (find(path) != nullptr) return false;
    directory_at(path);
    touch(directory_at(directory_of(path)), path);
    return true;
}

std::vector<std::string> memory_tree::list(const std::string& path) const {
    std::vector<std::string> names;
    const directory* where = find(path);
    if (where == nullptr) return names;
    names.reserve(where->files.size() + where->directories.size());
    for (const auto& [name, text] : where->files) names.push_back(name);
    names.insert(names.end(), where->directories.begin(), where->directories.end());
    if (!where->directories.empty()) std::sort(names.begin(), names.end());
    return names;
}

directory_tree::directory_tree(fs::path root) : root_(std::move(root)) { fs::create_directories(root_); }

std::optional<std::string> directory_tree::read(const std::string& path) const {
    std::ifstream in(root_ / path, std::ios::binary);
    if (!in || !fs::is_regular_file(root_ / path)) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(in), {});
}

bool directory_tree::holds(const std::string& path, std::string_view text) const {
    return read(path).value_or("") == text;
}

std::vector<std::pair<std::string, std::string>> directory_tree::files_in(const std::string& path) const {
    std::vector<std::pair<std::string, std::string>> found;
    for (const std::string& name : list(path))
        if (auto text = read(path + "/" + name)) found.emplace_back(name, std::move(*text));
    return found;
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
