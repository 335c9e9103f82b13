#include "guard/ask.hpp"

#include "guard/pve_files.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace steward::guard {

namespace {

fault silent(const std::filesystem::path& socket) {
    return fault(errc::unavailable, socket.string(), std::error_code(errno, std::generic_category()));
}

bool send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool receive_all(int socket, char* into, std::size_t size) {
    return ::recv(socket, into, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

}  // namespace

result<reply> ask(const std::filesystem::path& socket, const request& what) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket.string();
    if (path.size() >= sizeof address.sun_path) return fault(errc::invalid, path, "is too long for a socket path");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const descriptor wire(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{10, 0};
    ::setsockopt(wire.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(wire.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(wire.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return silent(socket);

    const std::string body = encode(what);
    const auto prefix = frame_header(body.size());
    std::array<char, 4> header{};
    const bool is_asked =
        send_all(wire.get(), std::string_view(prefix.data(), prefix.size())) && send_all(wire.get(), body);
    if (!is_asked || !receive_all(wire.get(), header.data(), header.size())) return silent(socket);
    const std::size_t size = frame_size(header, max_reply);
    std::string answer(size, '\0');
    if (size == 0 || !receive_all(wire.get(), answer.data(), size)) return silent(socket);
    return decode_reply(answer);
}

}  // namespace steward::guard
