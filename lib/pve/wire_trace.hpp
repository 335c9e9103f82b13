#pragma once
#include "net/http.hpp"
#include "pve/transport.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace steward::pve {

/// One exchange with PVE, as people may read it: nothing in it is a secret.
class wire_record {
  public:
    std::string method;
    std::string path;            ///< without query
    std::string endpoint;        ///< "192.0.2.11:8006"
    int status = 0;              ///< 0: there was no answer
    std::string reason;          ///< the answer's reason phrase, or why there was none
    std::uint64_t sent = 0;      ///< bytes of the request's body
    std::uint64_t received = 0;  ///< bytes of the answer's body
    duration took{};
    std::string params;   ///< bodies only: "vmid=101&password=…"
    std::string headers;  ///< bodies only: "Accept: application/json; Authorization: …"
    std::string answer;   ///< bodies only: the JSON answer, cut off after 4 KiB
};

/// `GET /api2/json/version status=200 reason=OK sent=0 received=63 took=4ms endpoint=n1:8006`
[[nodiscard]] std::string to_line(const wire_record& r);

/// Where traces go. `bodies` adds parameters, headers and answers, without what their names say is a secret.
class wire_trace {
  public:
    std::function<void(const wire_record&)> sink;
    bool bodies = false;
};

/// Whether the value of a parameter or field of that name is kept from people: passwords, tickets, tokens, keys,
/// one-time codes. `path` because PVE calls some secrets plainly "value" or "data".
[[nodiscard]] bool is_secret_name(std::string_view key, std::string_view path);

/// "vmid=101&password=…": form or query text without its secrets.
[[nodiscard]] std::string redact_form(std::string_view form, std::string_view path);
/// JSON without its secrets; what is not JSON is only measured: "(17 bytes that are not JSON)".
[[nodiscard]] std::string redact_json(std::string_view body, std::string_view path);
/// "Name: value; …" without credentials.
[[nodiscard]] std::string redact_headers(const net::http_headers& headers);

/// Fills what an exchange was and came to.
[[nodiscard]] wire_record record_of(const net::http_request& request, const result<net::http_response>& answer,
                                    bool with_bodies);

}  // namespace steward::pve
