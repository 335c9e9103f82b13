#pragma once
#include "net/http.hpp"
#include "net/server_reply.hpp"
#include "sim/api/api.hpp"

#include <optional>

namespace steward::sim::wire {

/// One HTTP request to a node, answered as pveproxy would: URL, formats, bodies, headers and closing rules of
/// pve-facts B.2 and B.3 around api::handle. The caller waits `delay` before it sends the reply.
class answer {
  public:
    net::server_reply reply;
    duration delay{};
    bool hangs = false;
    bool again = false;  ///< it still waits for something: serve it anew after `delay`
};
/// `arrived`, when this is not the first time: since when it waits.
[[nodiscard]] answer serve(cluster& model, const node_name& contacted, const net::http_request& request,
                           std::optional<time_point> arrived = std::nullopt);

/// Whether the body of such a request, so long, is read at all. `serve` refuses it by its head otherwise.
[[nodiscard]] bool wants_body(const cluster& model, const net::http_request& head, std::size_t announced);

/// What is said to bytes that are no request (net::request_reader).
[[nodiscard]] net::server_reply refusal(const cluster& model, int status, std::string reason);

}  // namespace steward::sim::wire
