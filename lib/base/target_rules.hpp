#pragma once
#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward {

/// An address as 16 bytes; an IPv4 one as ::ffff:192.0.2.1, whichever way it was written.
using ip_bytes = std::array<std::uint8_t, 16>;
/// Nothing when it is no address. A zone (`fe80::1%vmbr0`) is left out.
[[nodiscard]] std::optional<ip_bytes> parse_ip(std::string_view text);

/// Where probes may not go: addresses that mean this node's own link, nobody or many (link-local, unspecified,
/// multicast), the metadata services of clouds, and the API that Steward itself uses. What is listed as allowed may be
/// probed all the same.
class target_rules {
  public:
    /// One entry of `probes.allow`: "169.254.10.0/24", "fd00:ec2::254", "192.0.2.11:8006", "[fe80::1]:80",
    /// "pve1.example:8006". Without a port all of them are meant. Error: `invalid`.
    [[nodiscard]] result<void> allow(std::string_view text);
    /// A host and port that Steward asks for the state of the cluster.
    void add_api(std::string host, std::uint16_t port);

    /// Why `host`, as somebody wrote it, may not be probed at this address of it; port 0 where there is none. The
    /// address may be the host itself, also when that is a name which nobody looked up yet.
    [[nodiscard]] std::optional<std::string> refusal(std::string_view host, std::string_view address,
                                                     std::uint16_t port) const;
    /// The same when it is known that `host` is another name for an API server.
    [[nodiscard]] std::optional<std::string> refusal_as_api(std::string_view host, std::string_view address,
                                                            std::uint16_t port) const;
    /// Names, not addresses, of API servers at that port: whoever has a resolver can see what else they are called.
    [[nodiscard]] std::vector<std::string> api_names(std::uint16_t port) const;

    bool operator==(const target_rules&) const = default;

  private:
    class permit {
      public:
        std::string name;  ///< in small letters; empty: a network
        ip_bytes network{};
        int prefix = 0;          ///< bits of `network` that count
        std::uint16_t port = 0;  ///< 0: all
        bool operator==(const permit&) const = default;
    };
    class server {
      public:
        std::string host;  ///< in small letters
        std::uint16_t port = 0;
        bool operator==(const server&) const = default;
    };
    [[nodiscard]] bool is_allowed(std::string_view host, const std::optional<ip_bytes>& address,
                                  std::uint16_t port) const;

    std::vector<permit> allowed_;
    std::vector<server> apis_;
};

}  // namespace steward
