#include "guard/watchdog_client.hpp"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace steward::guard {

result<watchdog_client> watchdog_client::connect(const std::filesystem::path& path) {
    const std::string text = path.string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (text.size() >= sizeof address.sun_path) return fault(errc::invalid, text, "is too long for a socket path");
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0 || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fault(errc::unavailable, text, std::error_code(errno, std::generic_category()));
    return watchdog_client(std::move(socket));
}

bool watchdog_client::feed() const { return ::send(socket_.get(), "\0", 1, MSG_NOSIGNAL) == 1; }

bool watchdog_client::is_alive() const {
    pollfd watched{socket_.get(), POLLIN, 0};
    // The mux never says anything: whatever can be read is its end.
    return ::poll(&watched, 1, 0) == 0;
}

void watchdog_client::close_cleanly() {
    (void)::send(socket_.get(), "V", 1, MSG_NOSIGNAL);
    socket_ = descriptor();
}

}  // namespace steward::guard
