#pragma once
#include "pve/task.hpp"

namespace steward::pve {

/// A task that only hands a request to the HA manager: "hastart", "hastop", "hamigrate" (pve-facts C.2, I.4).
[[nodiscard]] bool is_request_to_ha(const upid& task);

/// The task by which the HA manager carries out `request`, once there is one; `request` itself when the guest already
/// is what was asked for without one. Errors as of follow_task.
[[nodiscard]] boost::asio::awaitable<result<upid>> find_ha_task(api::session& pve, upid request, time_point deadline);

}  // namespace steward::pve
