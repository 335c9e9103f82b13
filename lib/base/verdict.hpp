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

/// One attempt of one check.
class probe_result {
  public:
    probe_result() = default;
    probe_result(verdict what, std::string why) : answer(what), reason(std::move(why)) {}
    verdict answer = verdict::unknown;
    std::string reason;  ///< "connection refused", "status 503, wanted 200-399", "connected"
    duration took{};
    std::vector<probe_phase> phases;
};

}  // namespace steward
