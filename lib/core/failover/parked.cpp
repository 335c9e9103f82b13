#include "core/failover/parked.hpp"

#include "base/key_lines.hpp"

namespace steward::failover {
namespace {

/// The value of a line `key: value` before the first section.
std::optional<std::string> head_line(const std::string& text, const std::string& key) {
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        begin = end + 1;
        if (line.starts_with('[')) return std::nullopt;
        if (line.starts_with(key + ": ")) return line.substr(key.size() + 2);
    }
    return std::nullopt;
}

}  // namespace

std::optional<parked_config> read_parked(const std::string& file, const std::string& text) {
    constexpr std::string_view suffix = ".conf";
    if (!file.ends_with(suffix)) return std::nullopt;
    parked_config p;
    p.name = file.substr(0, file.size() - suffix.size());
    const std::size_t first = p.name.find('.');
    const std::size_t last = p.name.rfind(".g");
    if (first == std::string::npos || last == std::string::npos || last <= first) return std::nullopt;
    const auto id = parse_vmid(p.name.substr(0, first));
    const auto node = parse_node_name(p.name.substr(first + 1, last - first - 1));
    const auto generation = parse_number(p.name.substr(last + 2));
    if (!id || !node || !generation || *generation > UINT32_MAX) return std::nullopt;
    const bool is_container = head_line(text, "rootfs").has_value();
    p.guest = guest_id(is_container ? guest_type::ct : guest_type::vm, *id);
    p.source = *node;
    p.generation = static_cast<std::uint32_t>(*generation);
    p.title = head_line(text, is_container ? "hostname" : "name").value_or("");
    return p;
}

}  // namespace steward::failover
