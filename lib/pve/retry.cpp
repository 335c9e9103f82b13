#include "pve/retry.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve {
namespace asio = boost::asio;

namespace {

bool is_worth_repeating(const result<reply>& got, verb what) {
    if (!got) {
        const errc code = got.error().code;
        return code == errc::not_delivered || (what == verb::get && code == errc::outcome_unknown);
    }
    const int status = got->status;
    if (status == 595) return true;
    if (what != verb::get) return false;
    return status == 429 || (status >= 502 && status <= 504) || (status >= 596 && status <= 599);
}

duration with_jitter(duration pause, random_source& chance) {
    const auto half = static_cast<std::uint64_t>(pause.count() / 2);
    return pause - duration(chance.below(half + 1));
}

/// The reason phrase is where a 595 has its words (pve-facts B.5).
void add_count(result<reply>& got, int attempts) {
    if (attempts == 1) return;
    const std::string words = fmt::format("({} attempts)", attempts);
    const auto append = [&](std::string& to) { to += (to.empty() ? "" : " ") + words; };
    if (got) {
        append(got->reason);
        return;
    }
    fault why = got.error();
    append(why.detail);
    got = std::move(why);
}

}  // namespace

retrying_transport::retrying_transport(transport& inner, time_source& time, random_source& chance,
                                       retry_options options)
    : inner_(inner), time_(time), chance_(chance), options_(options) {}

asio::awaitable<result<reply>> retrying_transport::send(request call, time_point deadline) {
    duration pause = options_.first;
    for (int attempts = 1;; ++attempts) {
        request copy = call;
        auto got = co_await inner_.send(std::move(copy), deadline);
        if (!is_worth_repeating(got, call.what)) co_return got;
        duration wait = with_jitter(pause, chance_);
        if (got && got->retry_after) wait = std::max(wait, *got->retry_after);
        if (attempts == options_.attempts || wait >= deadline - time_.now()) {
            add_count(got, attempts);
            co_return got;
        }
        co_await time_.sleep_for(wait);
        pause = std::min(pause * 2, options_.most);
    }
}

asio::awaitable<result<reply>> retrying_transport::stream(request call, streams with) {
    return inner_.stream(std::move(call), std::move(with));
}

}  // namespace steward::pve
