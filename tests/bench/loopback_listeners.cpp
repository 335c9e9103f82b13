#include "bench/loopback_listeners.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace steward::bench {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::system_category(), what); }

int listen_on_any_port(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, raw, size) != 0) fail("bind");
    if (::listen(fd, SOMAXCONN) != 0) fail("listen");
    if (::getsockname(fd, raw, &size) != 0) fail("getsockname");
    port = ntohs(address.sin_port);
    return fd;
}

[[noreturn]] void accept_for_ever(std::vector<pollfd> listeners, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have died before the line above.
    if (::getppid() != parent) ::_exit(0);
    for (;;) {
        if (::poll(listeners.data(), listeners.size(), -1) < 0 && errno != EINTR) ::_exit(1);
        for (const pollfd& listener : listeners) {
            if (listener.revents == 0) continue;
            for (int fd = 0; (fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) ::close(fd);
        }
    }
}

}  // namespace

loopback_listeners::loopback_listeners(std::size_t how_many) : ports_(how_many) {
    std::vector<pollfd> listeners;
    listeners.reserve(how_many);
    for (std::uint16_t& port : ports_) listeners.push_back({listen_on_any_port(port), POLLIN, 0});
    const pid_t parent = ::getpid();
    child_ = ::fork();
    if (child_ < 0) fail("fork");
    if (child_ == 0) accept_for_ever(std::move(listeners), parent);
    for (const pollfd& listener : listeners) ::close(listener.fd);
}

loopback_listeners::~loopback_listeners() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
}

}  // namespace steward::bench
