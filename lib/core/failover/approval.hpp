#pragma once
#include "base/result.hpp"
#include "core/failover/record.hpp"

#include <string>
#include <string_view>

/// A person's consent that is given later, or by something that carries it (a ticket, a message): it is about one plan,
/// and not for ever.
namespace steward::failover {

/// For the guest of that record, which waits for an approval: "103-2-1767226080", its vmid, the number that its next
/// hand-over will have, and when this was issued.
[[nodiscard]] std::string approval_token(const record& r, wall_time now);

/// `refused`: it is about another guest or an earlier hand-over, or older than `lasts`.
[[nodiscard]] result<void> check_approval(std::string_view token, const record& r, duration lasts, wall_time now);

}  // namespace steward::failover
