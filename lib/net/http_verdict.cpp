#include "net/http_verdict.hpp"

#include "net/json_answer.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::net {
namespace {

std::string wanted(const std::vector<std::pair<int, int>>& ranges) {
    std::string out;
    for (const auto& [low, high] : ranges)
        out += fmt::format("{}{}", out.empty() ? "" : ",",
                           low == high ? std::to_string(low) : fmt::format("{}-{}", low, high));
    return out;
}

/// Why the body is not as it should be; empty when it is.
std::string why_not(const http_check& check, const std::string& body) {
    for (const wanted_text& w : check.body_holds)
        if (!w.found_in(body)) return fmt::format("body without {}", w.words());
    return check.json ? json_mismatch(body, check.json->pointer, check.json->equals) : std::string();
}

/// "6 days", "5 hours": what is left or has passed.
std::string roughly(std::chrono::seconds time) {
    const auto hours = std::chrono::duration_cast<std::chrono::hours>(time).count();
    if (hours >= 48) return fmt::format("{} days", hours / 24);
    return hours == 1 ? "1 hour" : fmt::format("{} hours", hours);
}

}  // namespace

probe_result judge_answer(const http_check& check, const http_response& answer, const std::string& note) {
    const auto is_in = [&](const auto& range) { return answer.status >= range.first && answer.status <= range.second; };
    if (std::none_of(check.good_status.begin(), check.good_status.end(), is_in))
        return probe_result(verdict::unhealthy,
                            fmt::format("status {}, wanted {}{}", answer.status, wanted(check.good_status), note));
    const std::string status = fmt::format("status {}{}", answer.status, note);
    const std::string why = why_not(check, answer.body);
    if (why.empty()) return probe_result(verdict::healthy, status);
    // What we did not read may have it.
    if (answer.body.size() >= most_body)
        return probe_result(verdict::unknown, fmt::format("{}, {} in its first {} KiB", status, why, most_body >> 10U));
    return probe_result(verdict::unhealthy, fmt::format("{}, {}", status, why));
}

std::string certificate_warning(const peer_facts& peer, wall_time now, duration warns_before) {
    if (peer.begins && now < *peer.begins)
        return fmt::format("certificate is not valid before {}", format_utc(*peer.begins));
    if (!peer.expires) return {};
    if (now >= *peer.expires) return fmt::format("certificate expired {} ago", roughly(now - *peer.expires));
    const auto left = *peer.expires - now;
    return left < warns_before ? fmt::format("certificate expires in {}", roughly(left)) : std::string();
}

}  // namespace steward::net
