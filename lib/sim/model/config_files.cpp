#include "sim/model/config_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/core.h>
#include <set>

namespace steward::sim {
namespace {

bool is_drive_key(const std::string& key) {
    if (key == "rootfs" || key == "vmstate") return true;
    for (const std::string_view prefix : {"mp", "scsi", "virtio", "sata", "ide", "unused", "efidisk", "tpmstate"})
        if (key.size() > prefix.size() && key.starts_with(prefix) &&
            key.find_first_not_of("0123456789", prefix.size()) == std::string::npos)
            return true;
    return false;
}

std::optional<config_files::place> guest_path(const std::string& path) {
    if (!path.starts_with("nodes/") || !path.ends_with(".conf")) return std::nullopt;
    const std::size_t node_end = path.find('/', 6);
    if (node_end == std::string::npos) return std::nullopt;
    const std::size_t kind_end = path.find('/', node_end + 1);
    if (kind_end == std::string::npos) return std::nullopt;
    const std::string kind = path.substr(node_end + 1, kind_end - node_end - 1);
    const auto id = parse_vmid(std::string_view(path).substr(kind_end + 1, path.size() - kind_end - 6));
    if (!id || (kind != "lxc" && kind != "qemu-server")) return std::nullopt;
    const guest_type type = kind == "lxc" ? guest_type::ct : guest_type::vm;
    return config_files::place(node_name(path.substr(6, node_end - 6)), guest_id(type, *id));
}

}  // namespace

guest_config guest_config::parse(std::string_view text) {
    guest_config config;
    while (!text.empty()) {
        if (text.front() == '[') {
            config.sections = std::string(text);
            break;
        }
        const std::size_t end = text.find('\n');
        const std::string line(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty()) continue;
        if (line.front() == '#') {
            config.description += line + "\n";
            continue;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        const std::size_t value = line.find_first_not_of(' ', colon + 1);
        config.values[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
    }
    return config;
}

std::string guest_config::text() const {
    std::string out = description;
    for (const auto& [key, value] : values) out += key + ": " + value + "\n";
    if (!sections.empty()) out += "\n" + sections;
    return out;
}

std::string guest_config::get(std::string_view key) const {
    const auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
}

void guest_config::set(const std::string& key, std::string value) {
    if (value.empty())
        values.erase(key);
    else
        values[key] = std::move(value);
}

std::vector<std::pair<std::string, volid>> guest_config::volumes() const {
    std::vector<std::pair<std::string, volid>> found;
    for (const auto& [key, value] : values) {
        if (!is_drive_key(key) || value.find("media=cdrom") != std::string::npos) continue;
        std::string volume = value.substr(0, value.find(','));
        if (volume.find(':') != std::string::npos) found.emplace_back(key, volid(std::move(volume)));
    }
    return found;
}

std::uint64_t disk_size(const std::string& drive) {
    const std::size_t at = drive.find("size=");
    if (at == std::string::npos) return 0;
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(drive.data() + at + 5, drive.data() + drive.size(), number);
    if (ec != std::errc()) return 0;
    const char unit = end == drive.data() + drive.size() ? ' ' : *end;
    const std::size_t shift = std::string_view("KMGT").find(unit);
    return shift == std::string_view::npos ? number : number << (10 * (shift + 1));
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<std::pair<unsigned, char>, 3> units = {{{30, 'G'}, {20, 'M'}, {10, 'K'}}};
    for (const auto& [shift, unit] : units)
        if (bytes >> shift << shift == bytes && bytes != 0) return fmt::format("{}{}", bytes >> shift, unit);
    return bytes == 0 ? "0T" : std::to_string(bytes);  // recorded: ct-02
}

config_files::config_files(std::shared_ptr<file_tree> tree, std::vector<node_name> nodes)
    : tree_(std::move(tree)), nodes_(std::move(nodes)) {
    for (const node_name& node : nodes_)
        for (const guest_type type : {guest_type::ct, guest_type::vm})
            directories_.push_back({node, type, fmt::format("nodes/{}/{}", node.str(), config_directory(type)), {}});
}

void config_files::read_again(const directory& where) const {
    std::set<vmid> seen;
    for (const std::string& name : tree_->list(where.path)) {
        if (!name.ends_with(".conf")) continue;
        const auto id = parse_vmid(std::string_view(name).substr(0, name.size() - 5));
        auto text = id ? tree_->read(where.path + "/" + name) : std::nullopt;
        if (!text) continue;
        seen.insert(*id);
        place here(where.node, guest_id(where.type, *id));
        const auto known = entries_.find(*id);
        const bool same = known != entries_.end() && known->second.where.node == where.node &&
                          known->second.where.guest == here.guest && known->second.text == *text;
        if (!same) {
            guest_config parsed = guest_config::parse(*text);
            entries_.insert_or_assign(*id, entry{std::move(here), std::move(*text), std::move(parsed)});
        }
    }
    std::erase_if(entries_, [&](const auto& e) {
        const place& p = e.second.where;
        return p.node == where.node && p.guest.type == where.type && seen.count(e.first) == 0;
    });
}

void config_files::refresh() const {
    if (seen_changes_ == tree_->changes()) return;
    seen_changes_ = tree_->changes();
    for (directory& d : directories_) {
        const std::uint64_t stamp = tree_->stamp(d.path);
        if (d.stamp == stamp) continue;
        d.stamp = stamp;
        read_again(d);
    }
}

const std::map<vmid, config_files::entry>& config_files::entries() const {
    refresh();
    return entries_;
}

std::string config_files::path(const node_name& node, guest_id guest) {
    return fmt::format("nodes/{}/{}/{}.conf", node.str(), config_directory(guest.type), guest.id.number());
}

std::vector<config_files::place> config_files::guests() const {
    std::vector<place> found;
    found.reserve(entries().size());
    for (const auto& [id, e] : entries_) found.push_back(e.where);
    return found;
}

std::optional<config_files::place> config_files::find(vmid id) const {
    const auto found = entries().find(id);
    if (found == entries_.end()) return std::nullopt;
    return found->second.where;
}

const config_files::entry* config_files::find(const node_name& node, guest_id guest) const {
    const auto found = entries().find(guest.id);
    if (found == entries_.end() || found->second.where.node != node || found->second.where.guest != guest)
        return nullptr;
    return &found->second;
}

std::optional<std::string> config_files::read(const node_name& node, guest_id guest) const {
    return tree_->read(path(node, guest));
}

result<void> config_files::write(const node_name& node, guest_id guest, const std::string& text) {
    const auto owner = find(guest.id);
    if (owner && (owner->node != node || owner->guest.type != guest.type))
        return fault(errc::exists, "pmxcfs",
                     fmt::format("close (rename) atomic file '/etc/pve/{}' failed: File exists", path(node, guest)));
    if (is_writable && !is_writable(node))
        return fault(errc::no_quorum, "pmxcfs",
                     fmt::format("unable to open file '/etc/pve/{}.tmp.1234' - Permission denied", path(node, guest)));
    tree_->write(path(node, guest), text);
    remember(place(node, guest), text);
    return {};
}

/// Our own write needs no second look at its directory, which may be a large one.
void config_files::remember(place where, const std::string& text) {
    const std::string folder = fmt::format("nodes/{}/{}", where.node.str(), config_directory(where.guest.type));
    for (directory& d : directories_)
        if (d.path == folder) d.stamp = tree_->stamp(folder);
    seen_changes_ = tree_->changes();
    const vmid id = where.guest.id;
    entries_.insert_or_assign(id, entry{std::move(where), text, guest_config::parse(text)});
}

void config_files::remove(const node_name& node, guest_id guest) {
    if (!is_writable || is_writable(node)) tree_->remove(path(node, guest));
}

result<void> config_files::rename(const std::string& from, const std::string& to) {
    if (const auto target = guest_path(to)) {
        const auto owner = find(target->guest.id);
        const auto source = guest_path(from);
        const bool moves_itself = source && source->guest.id == target->guest.id;
        if (owner && !moves_itself) return fault(errc::exists, "rename " + to, "File exists");
    }
    if (!tree_->rename(from, to)) return fault(errc::not_found, "rename " + from, "No such file or directory");
    return {};
}

}  // namespace steward::sim
