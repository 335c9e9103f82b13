#include "pve/write_gate.hpp"

#include <fmt/core.h>

namespace steward::pve {

namespace {

std::string name_of(const request& call) { return fmt::format("pve {} {}", http_method(call.what), call.path); }

}  // namespace

std::optional<fault> write_gate::objection(const request& call) const {
    if (call.what == verb::get) return std::nullopt;
    if (!is_open_) return fault(errc::dry_run, name_of(call), "not sent: observe mode changes nothing (steward arm)");
    if (may_act && !may_act())
        return fault(errc::not_delivered, name_of(call), "not sent: this daemon no longer leads for certain");
    return std::nullopt;
}

boost::asio::awaitable<result<reply>> write_gate::send(request call, time_point deadline) {
    if (auto why = objection(call)) co_return std::move(*why);
    auto got = co_await inner_.send(std::move(call), deadline);
    co_return got;
}

boost::asio::awaitable<result<reply>> write_gate::stream(request call, streams with) {
    if (auto why = objection(call)) co_return std::move(*why);
    auto got = co_await inner_.stream(std::move(call), std::move(with));
    co_return got;
}

}  // namespace steward::pve
