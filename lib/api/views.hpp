#pragma once
#include "services/keeper.hpp"

#include <boost/json/object.hpp>

#include <variant>

/// What the daemon knows, as JSON. Decides nothing.
namespace steward::api {

/// "ok", "warning", "critical" or "unknown": what `steward status` turns into its exit code (design §6).
[[nodiscard]] boost::json::object status_view(const keeper& all);
/// One guest with its checks, its hold and the story of its last hand-over. `errc::not_found` when not configured.
[[nodiscard]] result<boost::json::object> guest_view(const keeper& all, guest_id guest);
[[nodiscard]] boost::json::object plan_view(guest_id guest,
                                            const std::variant<failover::plan, failover::refusal>& answer,
                                            wall_time now);

[[nodiscard]] boost::json::object parked_view(const std::vector<failover::parked_config>& all);

}  // namespace steward::api
