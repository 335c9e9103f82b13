#include "core/failover/guest_disks.hpp"

namespace steward::failover {
namespace {

bool is_disk_key(guest_type type, const std::string& key) {
    const auto numbered = [&](std::string_view prefix) {
        return key.size() > prefix.size() && key.starts_with(prefix) &&
               key.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
    };
    if (type == guest_type::ct) return key == "rootfs" || numbered("mp");
    return numbered("scsi") || numbered("virtio") || numbered("sata") || numbered("ide") || key == "efidisk0" ||
           key == "tpmstate0";
}

}  // namespace

std::uint64_t size_in_bytes(std::string_view text) {
    std::uint64_t number = 0;
    std::size_t i = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9' && number < (1ULL << 40U); ++i)
        number = number * 10 + static_cast<std::uint64_t>(text[i] - '0');
    const char unit = i < text.size() ? text[i] : 'B';
    const unsigned shift = unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : unit == 'T' ? 40 : 0;
    return number << shift;
}

std::vector<disk> disks_of(guest_type type, const model::guest_config& config) {
    std::vector<disk> out;
    for (const auto& [key, value] : config.values) {
        if (!is_disk_key(type, key) || value.find("media=cdrom") != std::string::npos) continue;
        disk d;
        d.key = key;
        d.volume = value.substr(0, value.find(','));
        if (d.volume.starts_with("file=") || d.volume.starts_with("volume=")) d.volume.erase(0, d.volume.find('=') + 1);
        if (d.volume == "none") continue;
        const auto size = value.find("size=");
        if (size != std::string::npos) d.bytes = size_in_bytes(std::string_view(value).substr(size + 5));
        out.push_back(std::move(d));
    }
    return out;
}

std::uint64_t bytes_needed(guest_type type, const model::guest_config& config) {
    std::uint64_t sum = 0;
    for (const disk& d : disks_of(type, config)) sum += d.bytes;
    return sum;
}

}  // namespace steward::failover
