#pragma once
#include "base/verdict.hpp"
#include "net/http_exchange.hpp"
#include "net/probe.hpp"

/// What an HTTP answer says. Pure, private to this room.
namespace steward::net {

/// As much of a body as is looked at.
inline constexpr std::size_t most_body = std::size_t{64} << 10U;

/// Verdict and reason; `note` says more about a redirect that was not followed.
[[nodiscard]] probe_result judge_answer(const http_check& check, const http_response& answer, const std::string& note);

/// "certificate expires in 6 days"; empty when there is nothing to say.
[[nodiscard]] std::string certificate_warning(const peer_facts& peer, wall_time now, duration warns_before);

}  // namespace steward::net
