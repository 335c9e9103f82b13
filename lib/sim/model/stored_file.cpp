#include "sim/model/stored_file.hpp"

#include "sim/model/cluster.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace steward::sim {
namespace {

bool ends_with_one_of(std::string name, std::initializer_list<std::string_view> ends) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::any_of(ends.begin(), ends.end(),
                       [&](std::string_view end) { return name.size() > end.size() && name.ends_with(end); });
}

}  // namespace

std::string stored_file::content() const {
    const std::size_t colon = id.str().find(':');
    return id.str().substr(colon + 1, id.str().find('/', colon) - colon - 1);
}

bool is_name_of(std::string_view content, std::string_view file_name) {
    const std::string name(file_name);
    if (name.empty() || name.find('/') != std::string::npos) return false;
    if (content == "iso") return ends_with_one_of(name, {".iso", ".img"});
    if (content == "vztmpl") return ends_with_one_of(name, {".tar.gz", ".tar.xz", ".tar.zst", ".tgz"});
    if (content == "import") return ends_with_one_of(name, {".ova", ".ovf", ".qcow2", ".raw", ".vmdk"});
    return content == "snippets";
}

std::string format_of(std::string_view content, std::string_view file_name) {
    if (content == "iso") return "iso";
    if (content == "snippets") return "snippet";
    const std::string extension(file_name.substr(file_name.rfind('.') + 1));
    if (content != "vztmpl") return extension;
    return extension == "tgz" ? "tgz" : "t" + extension;  // recorded: st-05
}

std::vector<stored_file> cluster::stored_files(const storage_id& id, const node_name& node) const {
    std::vector<stored_file> found;
    if (const auto held = stored_files_.find(key_of(id, node)); held != stored_files_.end())
        for (const auto& [name, each] : held->second) found.push_back(each);
    return found;
}

const stored_file* cluster::find_stored(const volid& id, const node_name& node) const {
    const auto held = stored_files_.find(key_of(storage_of(id), node));
    if (held == stored_files_.end()) return nullptr;
    const auto found = held->second.find(id);
    return found == held->second.end() ? nullptr : &found->second;
}

void cluster::store(const node_name& node, stored_file file) {
    stored_files_[key_of(storage_of(file.id), node)].insert_or_assign(file.id, file);
}

void cluster::remove_stored(const volid& id, const node_name& node) {
    stored_files_[key_of(storage_of(id), node)].erase(id);
}

}  // namespace steward::sim
