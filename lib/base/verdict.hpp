#pragma once
#include "base/time.hpp"

#include <string>
#include <utility>
#include <vector>

namespace steward {

/// Three-valued on purpose: absence of data is `unknown` and never moves anything forward (reliability I9).
enum class verdict { healthy, unhealthy, unknown };

[[nodiscard]] constexpr const char* name_of(verdict v) noexcept {
    return v == verdict::healthy ? "healthy" : v == verdict::unhealthy ? "unhealthy" : "unknown";
}

/// How long one part of a probe took: "resolve", "connect", "tls", "first_byte", "body", "echo".
class probe_phase {
  public:
    probe_phase(std::string what, duration how_long) : name(std::move(what)), took(how_long) {}
    std::string name;
    duration took;
};

/// What was seen on the way, for people: "address", "tls", "certificate", "status", "first bytes".
class probe_detail {
  public:
    probe_detail(std::string what, std::string seen) : name(std::move(what)), text(std::move(seen)) {}
    std::string name;
    std::string text;
};

/// One attempt of one check.
class probe_result {
  public:
    probe_result() = default;
    probe_result(verdict what, std::string why) : answer(what), reason(std::move(why)) {}
    verdict answer = verdict::unknown;
    std::string reason;  ///< "connection refused", "status 503, wanted 200-399", "connected"
    duration took{};
    std::vector<probe_phase> phases;
    std::string warning;  ///< what somebody should look at, and no verdict: "certificate expires in 6 days"
    std::vector<probe_detail> details;  ///< only when they were asked for
};

}  // namespace steward
