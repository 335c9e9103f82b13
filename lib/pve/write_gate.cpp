#include "pve/write_gate.hpp"

#include <fmt/core.h>

namespace steward::pve {

boost::asio::awaitable<result<reply>> write_gate::send(request call, time_point deadline) {
    if (call.what != verb::get && !is_open_)
        co_return fault(errc::dry_run, fmt::format("pve {} {}", http_method(call.what), call.path),
                        "not sent: observe mode changes nothing (steward arm)");
    auto got = co_await inner_.send(std::move(call), deadline);
    co_return got;
}

}  // namespace steward::pve
