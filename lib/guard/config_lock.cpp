#include "guard/config_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace steward::guard {

std::filesystem::path config_lock_name(guest_id guest) {
    const std::string number = to_string(guest.id);
    if (guest.type == guest_type::ct) return std::filesystem::path("lxc") / ("pve-config-" + number + ".lock");
    return std::filesystem::path("qemu-server") / ("lock-" + number + ".conf");
}

result<config_lock> config_lock::take(const std::filesystem::path& lock_root, guest_id guest) {
    const auto path = lock_root / config_lock_name(guest);
    const auto failed = [&] { return fault(errc::io, "", std::error_code(errno, std::generic_category())); };
    if (::mkdir(path.parent_path().c_str(), 0755) != 0 && errno != EEXIST) return failed();
    descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (file.get() < 0) return failed();
    for (int attempt = 0; attempt < 20; ++attempt) {
        if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return config_lock(std::move(file));
        if (errno != EWOULDBLOCK && errno != EINTR) return failed();
        ::poll(nullptr, 0, 100);
    }
    return fault(errc::locked, "", fmt::format("PVE is working on {} ({} is held)", to_string(guest), path.string()));
}

}  // namespace steward::guard
