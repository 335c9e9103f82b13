#include "sim/api/guest_load.hpp"

#include "sim/model/devices.hpp"
#include "sim/model/machine.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace {

constexpr std::uint64_t ct_default_disk = 4ULL << 30U;

const std::string* find(const guest_config& config, const char* key) {
    const auto found = config.values.find(key);
    return found == config.values.end() ? nullptr : &found->second;
}

std::uint64_t memory_of(const guest_config& config) {
    // A VM's memory may be a property string: "current=512"
    const std::string* text = find(config, "memory");
    const std::size_t digits = text == nullptr ? std::string::npos : text->find_first_of("0123456789");
    return (digits == std::string::npos ? 512 : std::strtoull(text->c_str() + digits, nullptr, 10)) << 20U;
}

}  // namespace

std::uint64_t number_of(const guest_config& config, const char* key, std::uint64_t fallback) {
    const std::string* text = find(config, key);
    return text == nullptr ? fallback : std::strtoull(text->c_str(), nullptr, 10);
}

guest_load::guest_load(guest_id guest, const guest_config& config, bool is_running) : memory_bytes(memory_of(config)) {
    const bool is_ct = guest.type == guest_type::ct;
    if (const std::string* given = find(config, is_ct ? "hostname" : "name"))
        name = *given;
    else
        name = fmt::format("{}{}", is_ct ? "CT" : "VM ", guest.id.number());
    if (is_running) used_memory_bytes = memory_bytes / (is_ct ? 20 : 32);
    if (is_ct) {
        processors = number_of(config, "cores", number_of(config, "cpulimit", machine::processors));
        const std::string* root = find(config, "rootfs");
        const std::uint64_t size = root == nullptr ? 0 : disk_size(*root);
        // A stopped one has what its configuration says; a running one what df says, of the storage for a plain
        // directory.
        disk_bytes = size != 0 ? size : is_running ? machine::root_bytes : ct_default_disk;
        if (is_running) used_disk_bytes = size == 0 ? machine::root_used_bytes : size / 8;
    } else {
        const std::uint64_t all = number_of(config, "sockets", 1) * number_of(config, "cores", 1);
        processors = std::min(all, number_of(config, "vcpus", all));
        boot_disk = sim::boot_disk(config);
        if (!boot_disk.empty()) disk_bytes = disk_size(config.get(boot_disk));
    }
}

}  // namespace steward::sim::api
