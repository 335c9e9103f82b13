#pragma once
#include "base/result.hpp"
#include "pve/transport.hpp"

#include <boost/json/value.hpp>

namespace steward::pve {

/// The `data` member of a 2xx answer; any other answer as the fault it means for `what`. A 2xx body that is not the
/// envelope is `garbage`: never an empty list.
[[nodiscard]] result<boost::json::value> data_of(const reply& answer, const request& what);

/// What data_of does with a 2xx body once it is parsed, and what it says when it is something else.
[[nodiscard]] result<boost::json::value> envelope_data(boost::json::value body, const request& what);
[[nodiscard]] fault not_an_envelope(const request& what);

/// A node answered, but could not reach the node that the path names, or lost its answer (595 to 599, pve-facts B.5).
/// Without that a fault of the way is about the endpoint itself.
[[nodiscard]] bool is_about_node(int http_status) noexcept;
[[nodiscard]] inline bool is_about_node(const fault& why) noexcept { return is_about_node(why.http_status); }

}  // namespace steward::pve
