#include "guard/server.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace steward::guard {
namespace {

constexpr std::size_t most_clients = 16;
constexpr std::size_t most_waiting = 4 * max_request;  // bytes of requests read ahead

fault system_fault(const std::filesystem::path& path) {
    return fault(errc::io, path.string(), std::error_code(errno, std::generic_category()));
}

result<sockaddr_un> address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    if (text.size() >= sizeof address.sun_path) return fault(errc::invalid, text, "is too long for a socket path");
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    return address;
}

descriptor new_socket() { return descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

/// Removes a socket file that a killed guard left behind.
result<void> clear(const std::filesystem::path& path, const sockaddr_un& address) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return {};
    if (!S_ISSOCK(info.st_mode)) return fault(errc::exists, path.string(), "is there already and no socket");
    const descriptor probe = new_socket();
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN)
        return fault(errc::exists, path.string(), "another steward-guard answers on it");
    if (::unlink(path.c_str()) != 0) return system_fault(path);
    return {};
}

/// Changes of guests and epochs are worth a line each; what is asked again and again is not.
bool is_worth_a_line(const request& r) { return is_change(r.what) && r.what != verb::save && r.what != verb::lock; }

void log_request(const std::string& who, const request& r, const reply& answer) {
    std::vector<log::field> fields;
    fields.emplace_back("verb", name_of(r.what));
    if (!r.source.empty()) {
        fields.emplace_back("guest", to_string(r.guest));
        fields.emplace_back("node", r.source.str());
    }
    if (!r.name.empty()) fields.emplace_back("name", r.name);
    if (!r.target.empty()) fields.emplace_back("target", r.target.str());
    if (r.epoch != 0) fields.emplace_back("epoch", std::to_string(r.epoch));
    fields.emplace_back("from", who);
    if (!answer.path.empty()) fields.emplace_back("path", answer.path);
    if (answer.ok) {
        if (is_worth_a_line(r)) return log::info("guard.done", std::move(fields));
        return log::debug("guard.done", std::move(fields));
    }
    fields.emplace_back("code", name_of(answer.code));
    fields.emplace_back("reason", answer.detail);
    // Not getting the leader's lock is what happens to everybody but the leader.
    if (r.what == verb::lock) return log::debug("guard.refused", std::move(fields));
    log::warning("guard.refused", std::move(fields));
}

}  // namespace

server::server(descriptor listener, std::filesystem::path path, uid_t allowed, handler handle)
    : listener_(std::move(listener)), path_(std::move(path)), allowed_(allowed), handle_(std::move(handle)) {}

server::~server() { close(); }

void server::close() {
    if (listener_.get() >= 0) ::unlink(path_.c_str());
    listener_ = descriptor();
}

result<server> server::listen(const std::filesystem::path& path, uid_t allowed, handler handle) {
    const auto address = address_of(path);
    if (!address) return address.error();
    if (const auto cleared = clear(path, *address); !cleared) return cleared.error();
    descriptor listener = new_socket();
    if (listener.get() < 0) return system_fault(path);
    // Nobody may connect between bind and chown.
    const mode_t before = ::umask(0177);
    const int bound = ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
    const int bind_error = errno;
    ::umask(before);
    errno = bind_error;
    if (bound != 0) return system_fault(path);
    server s(std::move(listener), path, allowed, std::move(handle));
    if (allowed != ::geteuid() && ::lchown(path.c_str(), allowed, static_cast<gid_t>(-1)) != 0)
        return system_fault(path);
    if (::listen(s.listener_.get(), 8) != 0) return system_fault(path);
    return s;
}

result<void> server::run(int stop) {
    for (;;) {
        std::vector<pollfd> watched{{stop, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
        for (const client& c : clients_)
            watched.push_back({c.socket.get(), static_cast<short>(c.out.empty() ? POLLIN : POLLOUT), 0});
        if (::poll(watched.data(), watched.size(), -1) < 0) {
            if (errno == EINTR) continue;
            return system_fault(path_);
        }
        if (watched[0].revents != 0) return {};
        for (std::size_t i = 2; i < watched.size(); ++i)
            if (watched[i].revents != 0) serve(clients_[i - 2]);
        if (watched[1].revents != 0) accept_one();
        std::erase_if(clients_, [](const client& c) { return c.is_gone; });
    }
}

void server::accept_one() {
    client c;
    c.socket = descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (c.socket.get() < 0) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(c.socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
    c.who = fmt::format("uid {} pid {}", peer.uid, peer.pid);
    if (peer.uid != 0 && peer.uid != allowed_) {
        log::warning("guard.denied", {{"from", c.who}, {"reason", "only root and the allowed user are served"}});
        return;
    }
    if (clients_.size() >= most_clients) {
        log::warning("guard.dropped",
                     {{"from", clients_.front().who}, {"reason", "too many connections, this is the oldest"}});
        clients_.pop_front();
    }
    clients_.push_back(std::move(c));
}

void server::serve(client& c) {
    if (!c.out.empty()) send(c);
    receive(c);
    while (!c.is_gone && c.out.empty() && c.in.size() >= 4) {
        const std::size_t before = c.in.size();
        answer_next(c);
        if (c.in.size() == before) return;
    }
}

/// Everything that has arrived, so that a hang-up behind a request is seen before the request is served.
void server::receive(client& c) {
    char buffer[8192];
    while (c.in.size() < most_waiting) {
        const ssize_t n = ::recv(c.socket.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            if (!c.in.empty()) log::warning("guard.hung_up", {{"from", c.who}, {"reason", "its request is dropped"}});
            c.is_gone = true;
            return;
        }
        c.in.append(buffer, static_cast<std::size_t>(n));
    }
}

void server::answer_next(client& c) {
    const std::array<char, 4> header{c.in[0], c.in[1], c.in[2], c.in[3]};
    const std::size_t size = frame_size(header, max_request);
    if (size == 0) {
        log::warning("guard.garbage", {{"from", c.who}, {"reason", "a frame of impossible length"}});
        c.is_gone = true;
        return;
    }
    if (c.in.size() < header.size() + size) return;
    const std::string body = c.in.substr(header.size(), size);
    c.in.erase(0, header.size() + size);
    const auto asked = decode_request(body);
    reply answer;
    if (asked) {
        answer = handle_(*asked);
        log_request(c.who, *asked, answer);
    } else {
        answer.code = asked.error().code;
        answer.detail = asked.error().detail;
        log::warning("guard.garbage", {{"from", c.who}, {"reason", answer.detail}});
    }
    const std::string text = encode(answer);
    const auto prefix = frame_header(text.size());
    c.out.assign(prefix.data(), prefix.size());
    c.out += text;
    send(c);
}

void server::send(client& c) {
    while (!c.out.empty()) {
        const ssize_t n = ::send(c.socket.get(), c.out.data(), c.out.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) {
            log::warning("guard.hung_up", {{"from", c.who}, {"reason", "the answer found nobody"}});
            c.is_gone = true;
            return;
        }
        c.out.erase(0, static_cast<std::size_t>(n));
    }
}

}  // namespace steward::guard
