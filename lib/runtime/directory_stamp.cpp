#include "runtime/directory_stamp.hpp"

#include <chrono>
#include <sys/stat.h>

namespace steward {

std::optional<std::uint64_t> directory_stamp(const std::filesystem::path& directory) {
    struct stat about {};
    if (::stat(directory.c_str(), &about) != 0) return 0;
    const auto changed = std::chrono::seconds(about.st_mtim.tv_sec) + std::chrono::nanoseconds(about.st_mtim.tv_nsec);
    constexpr auto tick = std::chrono::milliseconds(20);
    if (std::chrono::system_clock::now().time_since_epoch() - changed < tick) return std::nullopt;
    return static_cast<std::uint64_t>(changed.count());
}

}  // namespace steward
