#include "net/probing.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace steward::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t mark_bytes = 16;
constexpr std::size_t header_bytes = 8;

/// Type, code, checksum, id, sequence, then our mark: the same layout for v4 and v6 (RFC 792, RFC 4443). Zeros follow
/// up to the size that is wanted.
struct echo {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    std::uint16_t checksum = 0;
    std::uint16_t id = 0;
    std::uint16_t sequence = 0;
    std::array<unsigned char, mark_bytes> mark{};
};
static_assert(sizeof(echo) == header_bytes + mark_bytes);

/// RFC 1071. The kernel fills in that of ICMPv6 and of datagram sockets; raw v4 needs ours. Zeros add nothing, so that
/// what follows the mark need not be looked at.
std::uint16_t internet_checksum(const echo& packet) {
    std::array<std::uint16_t, sizeof(echo) / 2> words{};
    std::memcpy(words.data(), &packet, sizeof packet);
    std::uint32_t sum = 0;
    for (std::uint16_t w : words) sum += w;
    while (sum >> 16U) sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

/// Every attempt of this process has a mark of its own, so that a late reply is not taken for the next one's.
std::uint64_t next_number() {
    static std::uint64_t number = 0;
    return ++number;
}

struct icmp_socket {
    int fd = -1;
    bool is_raw = false;
    int error = 0;
};

icmp_socket open_icmp(bool is_v6) {
    const int family = is_v6 ? AF_INET6 : AF_INET;
    const int protocol = is_v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
    icmp_socket s;
    s.fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (s.fd < 0) {
        s.fd = ::socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
        s.is_raw = s.fd >= 0;
    }
    if (s.fd < 0) s.error = errno;
    return s;
}

int connect_to(int fd, const asio::ip::address& address) {
    if (address.is_v4()) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        const auto bytes = address.to_v4().to_bytes();
        std::memcpy(&to.sin_addr, bytes.data(), bytes.size());
        return ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    const auto v6 = address.to_v6();
    const auto bytes = v6.to_bytes();
    std::memcpy(&to.sin6_addr, bytes.data(), bytes.size());
    to.sin6_scope_id = static_cast<std::uint32_t>(v6.scope_id());
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

/// Where the ICMP message begins: a raw v4 socket delivers the IP header as well.
std::size_t header_size(const icmp_socket& s, bool is_v6, const unsigned char* data, std::size_t size) {
    if (!s.is_raw || is_v6 || size == 0) return 0;
    return static_cast<std::size_t>(data[0] & 0x0fU) * 4;
}

class icmp_prober final : public prober {
  public:
    icmp_prober(icmp_check check, time_source& time, resolver& names)
        : check_(std::move(check)), time_(time), names_(names) {}

    asio::awaitable<probe_result> run() override {
        probing::recorder notes(time_, check_.manners.is_explained);
        const time_point deadline = time_.now() + check_.timeout;
        probing::target whom(check_.host, 0);
        whom.family = check_.family;
        const auto addresses =
            co_await probing::addresses_of(names_, std::move(whom), check_.manners.rules, deadline, notes);
        if (!addresses) co_return notes.finish(verdict::unknown, addresses.error().text());
        probing::findings all;
        for (std::size_t i = 0; i < addresses->size(); ++i) {
            const time_point limit = probing::share_of(time_.now(), deadline, addresses->size() - i);
            notes.detail("address", (*addresses)[i].to_string());
            const bool is_there = co_await ask((*addresses)[i], limit, all);
            notes.phase("echo");
            if (is_there) co_return notes.finish(verdict::healthy, "echo");
        }
        co_return notes.finish(all.answer(), all.reason());
    }

  private:
    /// True for an echo of any of its requests; else `all` learns why not.
    asio::awaitable<bool> ask(asio::ip::address address, time_point limit, probing::findings& all) {
        const icmp_socket socket = open_icmp(address.is_v6());
        if (socket.fd < 0) {
            all.could_not_look(why_no_socket(socket.error));
            co_return false;
        }
        asio::posix::stream_descriptor descriptor(co_await asio::this_coro::executor, socket.fd);
        if (connect_to(socket.fd, address) != 0 || !set_hops(socket.fd, address.is_v6(), check_.ttl)) {
            all.could_not_look("cannot send: " + probing::in_words(std::strerror(errno)));
            co_return false;
        }
        echo packet = make_packet(address.is_v6());
        for (int i = 0; i < check_.count; ++i) {
            ++packet.sequence;
            if (!send(socket, packet, address.is_v6())) {
                // It did not leave this node: that says nothing about the other end.
                all.could_not_look("cannot send: " + probing::in_words(std::strerror(errno)));
                co_return false;
            }
            const time_point until = probing::share_of(time_.now(), limit, static_cast<std::size_t>(check_.count - i));
            const auto heard =
                co_await with_deadline(time_, until, listen(descriptor, socket, address.is_v6(), packet));
            if (heard) co_return true;
            if (heard.error().code == errc::timed_out)
                all.said_no("no echo within " + format_duration(check_.timeout));
            else
                all.said_no(probing::in_words(heard.error().detail));
        }
        co_return false;
    }

    static bool set_hops(int fd, bool is_v6, int hops) {
        if (is_v6) return ::setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops) == 0;
        return ::setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof hops) == 0;
    }

    [[nodiscard]] bool send(const icmp_socket& socket, echo& packet, bool is_v6) const {
        packet.checksum = 0;
        if (socket.is_raw && !is_v6) packet.checksum = internet_checksum(packet);
        std::vector<unsigned char> bytes(std::max(header_bytes + check_.size, sizeof packet), 0);
        std::memcpy(bytes.data(), &packet, sizeof packet);
        return ::send(socket.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0;
    }

    static std::string why_no_socket(int error) {
        if (error == EPERM || error == EACCES)
            return "no permission for ICMP: net.ipv4.ping_group_range or CAP_NET_RAW";
        return "no ICMP socket: " + probing::in_words(std::strerror(error));
    }

    static echo make_packet(bool is_v6) {
        const std::uint64_t number = next_number();
        const auto pid = static_cast<std::uint64_t>(::getpid());
        echo packet;
        packet.type = is_v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
        packet.id = static_cast<std::uint16_t>(pid);
        packet.sequence = static_cast<std::uint16_t>(number);
        std::memcpy(packet.mark.data(), &number, sizeof number);
        std::memcpy(packet.mark.data() + sizeof number, &pid, sizeof pid);
        return packet;
    }

    static asio::awaitable<result<void>> listen(asio::posix::stream_descriptor& descriptor, icmp_socket socket,
                                                bool is_v6, echo sent) {
        std::array<unsigned char, 256> buffer{};
        for (;;) {
            boost::system::error_code ec;
            co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                           asio::redirect_error(asio::use_awaitable, ec));
            if (ec) throw boost::system::system_error(ec);
            const ssize_t n = ::recv(socket.fd, buffer.data(), buffer.size(), 0);
            if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            // An ICMP error from the network: a router, or the host itself, says no.
            if (n < 0) co_return fault(errc::refused, "icmp", std::strerror(errno));
            const auto size = static_cast<std::size_t>(n);
            const std::size_t skip = header_size(socket, is_v6, buffer.data(), size);
            if (size < skip + sizeof(echo)) continue;
            echo reply;
            std::memcpy(&reply, buffer.data() + skip, sizeof reply);
            // The kernel replaces the id on datagram sockets; the mark is this attempt's alone, whichever of its
            // requests is answered.
            const bool is_reply = reply.type == (is_v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
            if (is_reply && reply.mark == sent.mark) co_return result<void>();
        }
    }

    icmp_check check_;
    time_source& time_;
    resolver& names_;
};

}  // namespace

std::unique_ptr<prober> make_prober(icmp_check check, time_source& time, resolver& names) {
    return std::make_unique<icmp_prober>(std::move(check), time, names);
}

}  // namespace steward::net
