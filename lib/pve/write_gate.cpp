#include "pve/write_gate.hpp"

#include <fmt/core.h>

namespace steward::pve {

namespace {

fault held_back(const request& call) {
    return fault(errc::dry_run, fmt::format("pve {} {}", http_method(call.what), call.path),
                 "not sent: observe mode changes nothing (steward arm)");
}

}  // namespace

boost::asio::awaitable<result<reply>> write_gate::send(request call, time_point deadline) {
    if (holds_back(call)) co_return held_back(call);
    auto got = co_await inner_.send(std::move(call), deadline);
    co_return got;
}

boost::asio::awaitable<result<reply>> write_gate::stream(request call, streams with) {
    if (holds_back(call)) co_return held_back(call);
    auto got = co_await inner_.stream(std::move(call), std::move(with));
    co_return got;
}

}  // namespace steward::pve
