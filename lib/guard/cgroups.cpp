#include "guard/cgroups.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace steward::guard {

cgroups::cgroups(const std::filesystem::path& root) : root_(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

descriptor cgroups::open(guest_id guest, const char* file, int flags) const {
    char path[96];
    const bool is_vm = guest.type == guest_type::vm;
    std::snprintf(path, sizeof path, is_vm ? "qemu.slice/%u.scope/%s" : "lxc/%u/%s", guest.id.number(), file);
    return descriptor(::openat(root_.get(), path, flags | O_CLOEXEC | O_NOFOLLOW));
}

bool cgroups::is_running(guest_id guest) const {
    const descriptor events = open(guest, "cgroup.events", O_RDONLY);
    // The directory goes with the last process.
    if (events.get() < 0) return errno != ENOENT && errno != ENODEV;
    char text[256] = {};
    const ssize_t n = ::read(events.get(), text, sizeof text - 1);
    if (n < 0) return errno != ENODEV;
    return std::strstr(text, "populated 0") == nullptr;
}

bool cgroups::kill(guest_id guest) const {
    const descriptor file = open(guest, "cgroup.kill", O_WRONLY);
    if (file.get() < 0) return errno == ENOENT && !is_running(guest);
    return ::write(file.get(), "1", 1) == 1 || errno == ENODEV;
}

}  // namespace steward::guard
