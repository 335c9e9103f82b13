#pragma once
#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// DNS messages as bytes (RFC 1035), as far as a probe needs them. Pure; whatever the bytes are, it takes time and
/// memory in proportion to them.
namespace steward::net {

/// A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT.
[[nodiscard]] result<std::uint16_t> dns_type_of(std::string_view word);

class dns_question {
  public:
    dns_question(std::uint16_t number, std::string asked, std::uint16_t kind)
        : id(number), name(std::move(asked)), type(kind) {}
    std::uint16_t id;
    std::string name;  ///< "www.example", "." is the root
    std::uint16_t type;
};

class dns_reply {
  public:
    std::string rcode;                 ///< "NOERROR", "RCODE17"
    bool is_truncated = false;         ///< ask again by TCP
    std::vector<std::string> answers;  ///< of the type that was asked for, as `dig +short` writes them, no final dot
};

/// Error: `invalid` when the name has a label that is empty or too long.
[[nodiscard]] result<std::string> write_dns_query(const dns_question& question);

/// Error: `not_found` when the message answers something else, `garbage` when it is no proper answer.
[[nodiscard]] result<dns_reply> read_dns_reply(std::string_view message, const dns_question& question);

}  // namespace steward::net
