#pragma once
#include "api/order_desk.hpp"
#include "services/keeper.hpp"

#include <boost/json/object.hpp>

#include <variant>
#include <vector>

/// What the daemon knows, as JSON. Decides nothing.
namespace steward::api {

/// "ok", "warning", "critical" or "unknown": what `steward status` turns into its exit code (design §6).
/// With `only` those guests and no others, and their severity.
[[nodiscard]] boost::json::object status_view(const keeper& all, const std::vector<guest_id>* only = nullptr);
/// Of several clusters: each one's status with its name, or why it has none; the severity is the worst of all.
[[nodiscard]] boost::json::object status_of_all(const std::vector<served_cluster>& clusters);
/// One guest with its checks, its hold and the story of its last hand-over. `errc::not_found` when not configured.
[[nodiscard]] result<boost::json::object> guest_view(const keeper& all, guest_id guest);
[[nodiscard]] boost::json::object plan_view(guest_id guest,
                                            const std::variant<failover::plan, failover::refusal>& answer,
                                            wall_time now);

[[nodiscard]] boost::json::object parked_view(const std::vector<failover::parked_config>& all);

}  // namespace steward::api
