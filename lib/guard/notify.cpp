#include "guard/notify.hpp"

#include "guard/pve_files.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace steward::guard {

void notify_service_manager(std::string_view state) {
    const char* const where = std::getenv("NOTIFY_SOCKET");
    if (where == nullptr) return;
    const std::size_t length = std::strlen(where);
    sockaddr_un address{};
    if (length < 2 || length >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, where, length);
    if (where[0] == '@') address.sun_path[0] = '\0';  // abstract socket (sd_notify(3))
    const descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) return;
    // Not being heard is no reason to stop guarding.
    (void)::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
}

}  // namespace steward::guard
