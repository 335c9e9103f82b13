#include "sim/scenario/model_agents.hpp"

namespace steward::sim {
namespace asio = boost::asio;

asio::awaitable<result<void>> model_agents::switch_off(node_name node) {
    const auto found = all_.find(node);
    if (found == all_.end()) co_return fault(errc::unsupported, "", "no fence agent for " + node.str());
    const behaviour b = found->second;
    co_await time_.sleep_for(std::chrono::seconds(2) + b.delay);
    if (b.how == mood::fails)
        co_return fault(errc::task_failed, "fence agent", "Unable to connect to the fencing device");
    model_.advance_to(time_.now());
    if (b.how == mood::works) model_.power(node, false);
    co_return result<void>();
}

}  // namespace steward::sim
