#pragma once
#include "net/server_reply.hpp"
#include "pve/schema/schema.hpp"

#include <string>
#include <string_view>

/// The shapes in which PVE hands out one answer (pve-facts B.3).
namespace steward::sim::wire {

/// "json", "extjs", "html", "htmljs".
[[nodiscard]] bool is_format(std::string_view name);

/// Turns a JSON answer into that format. extjs is always a 200 and says the rest in its body.
void put_into_format(net::server_reply& reply, std::string_view format);

/// What releases before 8.3 do not say yet: `message` in bodies, and the bodies of errors below the API.
[[nodiscard]] bool has_messages(pve::schema::version version);
/// The body without its `message`.
void drop_message(net::server_reply& reply);

/// Packs a body of more than 1024 bytes as the client's Accept-Encoding allows: gzip before deflate.
void pack(net::server_reply& reply, std::string_view accepted);

/// The page at "/": where one is, and that this is a simulator.
[[nodiscard]] std::string front_page(const std::string& node);

}  // namespace steward::sim::wire
