#include "base/log.hpp"
#include "services/keeper.hpp"

#include <algorithm>

/// What PVE says beside the checks, and the checks that belong to no guest.
namespace steward {
namespace asio = boost::asio;

void keeper::serve_checks() {
    world_.around = [this](guest_id guest) { return circumstances_of(guest); };
    // A look that failed tells nothing, and nothing more can be learned: whoever acts on it needs PVE as well.
    world_.has_looked_since = [this](time_point then) { return looked_ > then; };
    world_.sources.around = world_.around;
    world_.sources.home_of = world_.home_of;
    gateways_.make_prober = [this](const config::check& spec) { return world_.make_prober(guest_id(), spec); };
    world_.gateways = &gateways_;
}

health::circumstances keeper::circumstances_of(guest_id guest) const {
    health::circumstances seen;
    const model::guest_row* row = sees_now() ? sight_.view->find(guest) : nullptr;
    if (row == nullptr) return seen;
    const duration since = world_.time.now() - sight_.taken;
    const auto node = sight_.view->nodes.find(row->node);
    seen.is_node_online = node != sight_.view->nodes.end() && node->second.online == true;
    seen.is_known = true;
    if (row->status != model::run_state::unknown) seen.is_running = row->status == model::run_state::running;
    seen.lock = row->lock;
    if (row->status == model::run_state::running) seen.guest_up = row->uptime + since;
    const auto booted = booted_.find(row->node);
    if (booted != booted_.end()) seen.node_up = world_.time.now() - booted->second;
    return seen;
}

/// Whether any check grants its guest some time after a start.
static bool grants_time(const config::settings& s) {
    return std::any_of(s.guests.begin(), s.guests.end(), [](const config::guest& g) {
        return std::any_of(g.checks.begin(), g.checks.end(),
                           [](const config::check& c) { return c.start_period != duration::zero(); });
    });
}

asio::awaitable<void> keeper::look_at_boots() {
    if (!grants_time(settings_)) co_return;
    const auto uptimes = co_await world_.pve.node_uptimes();
    if (!uptimes) co_return;  // whoever asks sees the time of the last answer
    for (const auto& [node, up] : *uptimes) booted_[node] = world_.time.now() - up;
}

bool keeper::is_any_in_doubt() const {
    return std::any_of(guests_.begin(), guests_.end(), [](const auto& g) {
        const health::standing s = g.second->own_standing();
        return s == health::standing::suspicious || s == health::standing::down;
    });
}

}  // namespace steward
