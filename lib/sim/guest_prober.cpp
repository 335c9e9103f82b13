#include "sim/guest_prober.hpp"

namespace steward::sim {
namespace asio = boost::asio;

guest_prober::guest_prober(cluster& model, time_source& time, guest_id guest, duration timeout)
    : model_(model), time_(time), guest_(guest), timeout_(timeout) {}

asio::awaitable<probe_result> guest_prober::run() {
    const time_point started = time_.now();
    model_.advance_to(started);
    const auto service = model_.service_of(guest_);
    probe_result out(verdict::unhealthy, "connection refused");
    if (service == service_state::healthy) out = probe_result(verdict::healthy, "connected");
    if (service == service_state::refusing) out = probe_result(verdict::unhealthy, "status 503, wanted 200-399");
    // A node that is off takes its guests' addresses with it: nobody is left to refuse.
    const auto place = model_.files().find(guest_.id);
    const sim_node* home = place ? model_.find_node(place->node) : nullptr;
    const bool silent = service == service_state::hung || (!service && home != nullptr && !home->reachable());
    if (silent) {
        co_await time_.sleep_until(started + timeout_);
        out = probe_result(verdict::unhealthy, "no answer within the timeout");
        out.took = timeout_;
        co_return out;
    }
    // So short a time is not worth a turn of the loop.
    out.took = latency;
    co_return out;
}

}  // namespace steward::sim
