#include "sim/model/archive.hpp"

#include <charconv>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <regex>

namespace steward::sim {
namespace {

int number(const std::ssub_match& digits) { return std::stoi(digits.str()); }

}  // namespace

const char* name_of(archive_damage damage) noexcept {
    switch (damage) {
        case archive_damage::none: return "none";
        case archive_damage::corrupt: return "corrupt";
        case archive_damage::unreadable: return "unreadable";
        case archive_damage::incomplete: return "incomplete";
    }
    return "?";
}

std::string calendar_text(const char* format, wall_time t) {
    return fmt::format(fmt::runtime(format), fmt::gmtime(static_cast<std::time_t>(t.time_since_epoch().count())));
}

std::string archive_name(guest_id guest, wall_time local, const std::string& extension) {
    return fmt::format("vzdump-{}-{}-{}.{}", api_word(guest.type), guest.id.number(),
                       calendar_text("{:%Y_%m_%d-%H_%M_%S}", local), extension);
}

std::string snapshot_name(guest_id guest, wall_time utc) {
    return fmt::format("{}/{}/{}", guest.type == guest_type::ct ? "ct" : "vm", guest.id.number(),
                       calendar_text("{:%Y-%m-%dT%H:%M:%SZ}", utc));
}

std::string archive_extension(guest_type type, std::string_view compress) {
    const std::string base = type == guest_type::ct ? "tar" : "vma";
    if (compress == "zstd") return base + ".zst";
    if (compress == "gzip") return base + ".gz";
    if (compress == "lzo" || compress == "1") return base + ".lzo";
    return base;
}

std::string archive::format() const {
    if (!extension.empty()) return extension;
    return archive_extension(guest.type, "zstd");
}

std::optional<archive_name_parts> parse_archive_name(std::string_view name) {
    static const std::regex standard(
        "vzdump-(lxc|qemu)-([1-9][0-9]{2,8})-([0-9]{4})_([0-9]{2})_([0-9]{2})-([0-9]{2})_([0-9]{2})_([0-9]{2})\\."
        "((tar|vma)(\\.(gz|lzo|zst|bz2))?|tgz)");
    const std::string text(name);
    std::smatch part;
    if (!std::regex_match(text, part, standard)) return std::nullopt;
    const auto id = parse_vmid(part[2].str());
    if (!id) return std::nullopt;
    std::tm t{};
    t.tm_year = number(part[3]) - 1900;
    t.tm_mon = number(part[4]) - 1;
    t.tm_mday = number(part[5]);
    t.tm_hour = number(part[6]);
    t.tm_min = number(part[7]);
    t.tm_sec = number(part[8]);
    return archive_name_parts(guest_id(part[1] == "lxc" ? guest_type::ct : guest_type::vm, *id),
                              wall_time(std::chrono::seconds(timegm(&t))), part[9].str());
}

}  // namespace steward::sim
