#include "base/log.hpp"
#include "services/keeper.hpp"

#include <algorithm>

/// Whether this daemon may act: armed, observe, and the way from one to the other.
namespace steward {
namespace asio = boost::asio;
namespace {

constexpr const char* mode_record = "mode";
constexpr const char* armed = "armed";
constexpr const char* observe = "observe";
constexpr const char* disarming = "disarming";

}  // namespace

const char* keeper::mode_name() const {
    if (!world_.armed) return observe;
    return world_.is_disarming ? disarming : armed;
}

/// As somebody left it, here or at another leader's; until then as configured.
void keeper::remember_mode() {
    const auto remembered = records_.find(mode_record);
    if (remembered == records_.end()) return;
    world_.is_disarming = remembered->second == disarming;
    world_.armed = world_.is_disarming || remembered->second == armed;
    allow_writes_(world_.armed);
}

asio::awaitable<result<void>> keeper::enter_mode(const char* name) {
    const auto saved = co_await world_.store.save_record(mode_record, name);
    if (!saved) co_return saved;
    records_[mode_record] = name;
    remember_mode();
    log::warning("mode", {{"mode", name}});
    if (world_.on_mode) world_.on_mode(name);
    decision d;
    d.about = "cluster";
    d.kind = "mode";
    d.verdict = name;
    note(std::move(d));
    for (auto& [id, guest] : guests_) guest->post(failover::reconsider{});
    co_return result<void>();
}

asio::awaitable<result<void>> keeper::set_mode(config::mode mode, bool is_urgent) {
    if (auto leads = must_lead(); !leads) co_return leads;
    const bool must_wait = mode == config::mode::observe && world_.armed && !is_urgent && is_busy();
    const char* name = mode == config::mode::armed ? armed : must_wait ? disarming : observe;
    co_return co_await enter_mode(name);
}

bool keeper::is_busy() const {
    return std::any_of(guests_.begin(), guests_.end(),
                       [](const auto& g) { return failover::is_acting(g.second->state().saved.at); });
}

/// What was under way when somebody disarmed has come to its end.
asio::awaitable<void> keeper::finish_disarming() {
    const bool acts = cluster_ == nullptr || is_leading_;
    if (!acts || !world_.is_disarming || is_busy()) co_return;
    const auto done = co_await enter_mode(observe);
    if (!done) log::warning("mode.unwritable", {{"reason", done.error().text()}});
}

result<void> keeper::must_be_armed() const {
    if (world_.armed && !world_.is_disarming) return {};
    if (world_.armed)
        return fault(errc::refused, "",
                     "somebody has ordered steward observe: what is under way is finished, nothing is begun; steward "
                     "arm first");
    return fault(errc::refused, "", "observe mode changes nothing; see steward plan, or steward arm first");
}

}  // namespace steward
