#include "core/failover/approval.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace steward::failover {
namespace {

std::string about(const record& r) {
    return fmt::format("{}-{}-", r.guest.id.number(), std::max(r.claim, r.generation) + 1);
}

}  // namespace

std::string approval_token(const record& r, wall_time now) {
    return about(r) + std::to_string(now.time_since_epoch().count());
}

result<void> check_approval(std::string_view token, const record& r, duration lasts, wall_time now) {
    const std::string wanted = about(r);
    if (!token.starts_with(wanted))
        return fault(errc::refused, "",
                     fmt::format("this approval is not about what {} waits for", to_string(r.guest)));
    std::int64_t seconds = 0;
    const std::string_view rest = token.substr(wanted.size());
    const auto [end, ec] = std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
    if (ec != std::errc() || end != rest.data() + rest.size())
        return fault(errc::refused, "", "this is no approval: steward approve GUEST --issue makes one");
    const duration age = now - wall_time(std::chrono::seconds(seconds));
    if (age > lasts || age < -duration(std::chrono::minutes(1)))
        return fault(errc::refused, "",
                     fmt::format("expired: this approval was issued {} ago, and lasts for {}; look at the plan again",
                                 describe_duration(std::max(age, duration::zero())), format_duration(lasts)));
    return {};
}

}  // namespace steward::failover
