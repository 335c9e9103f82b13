#include "sim/model/node_power.hpp"

#include "sim/model/bulk.hpp"
#include "sim/model/cluster.hpp"

namespace steward::sim {

using namespace std::chrono_literals;

namespace {
constexpr duration delay_of_the_command = 2s;
constexpr duration look_again = 1s;
constexpr duration services_stop = 5s;  ///< after the guests, before the power goes

std::vector<std::string> running_backups(const cluster& model, const node_name& node) {
    std::vector<std::string> found;
    for (const auto& [upid, t] : model.tasks())
        if (t.node == node && t.running() && t.work.type == "vzdump") found.push_back(upid);
    return found;
}

/// What backups have locked cannot be stopped before they are gone.
void after_backups(cluster& model, const node_name& node, const std::function<void()>& then) {
    if (running_backups(model, node).empty()) return then();
    model.at(model.now() + look_again, [&model, node, then] { after_backups(model, node, then); });
}

}  // namespace

/// Whether the node still runs since that boot.
bool node_power::is_up_since(const node_name& node, time_point booted) const {
    const sim_node* n = model_.find_node(node);
    return n != nullptr && n->powered && n->booted == booted;
}

void node_power::shut_down(const node_name& node, bool comes_back, std::optional<duration> away) {
    const sim_node* n = model_.find_node(node);
    if (n == nullptr || !n->powered) return;
    const auto known = going_down_.find(node);
    if (known != going_down_.end() && known->second == n->booted) return;
    going_down_[node] = n->booted;
    away_.erase(node);
    if (away) away_[node] = *away;
    model_.at(model_.now() + delay_of_the_command, [this, node, comes_back, booted = n->booted] {
        for (const std::string& upid : running_backups(model_, node)) model_.stop_task(upid);
        after_backups(model_, node, [this, node, comes_back, booted] {
            if (is_up_since(node, booted)) stop_guests(node, comes_back);
        });
    });
}

void node_power::stop_guests(const node_name& node, bool comes_back) {
    bulk_order all(node, "root@pam");
    const time_point booted = model_.find_node(node)->booted;
    all.done = [this, node, comes_back, booted] {
        if (!is_up_since(node, booted)) return;
        model_.ha().leave(node, comes_back, [this, node, comes_back, booted] {
            model_.at(model_.now() + services_stop, [this, node, comes_back, booted] {
                if (!is_up_since(node, booted)) return;
                model_.power(node, false);
                if (comes_back) wake(node);
            });
        });
    };
    (void)begin_stop_all(model_, std::move(all));
}

void node_power::wake(const node_name& node) {
    const auto away = away_.find(node);
    const duration until_up = away == away_.end() ? model_.configured().takes.boot : away->second;
    model_.at(model_.now() + until_up, [this, node] { model_.power(node, true); });
}

}  // namespace steward::sim
