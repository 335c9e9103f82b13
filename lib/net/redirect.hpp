#pragma once
#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace steward::net {

/// Where an HTTP request goes.
class http_place {
  public:
    bool tls = false;
    std::string host;  ///< without brackets
    std::uint16_t port = 80;
    std::string path = "/";
    bool operator==(const http_place&) const = default;
};

/// Where `location` of an answer from `from` leads. Error: `invalid` when it is no http or https address.
[[nodiscard]] result<http_place> follow_location(const http_place& from, std::string_view location);

/// The Host header of that place: "app.example:8080", "[2001:db8::1]".
[[nodiscard]] std::string authority_of(const http_place& place);

}  // namespace steward::net
