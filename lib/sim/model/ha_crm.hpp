#pragma once
#include "base/time.hpp"
#include "sim/model/ha_config.hpp"
#include "sim/model/ha_status.hpp"

#include <map>
#include <string>
#include <vector>

namespace steward::sim {

class cluster;
class ha_manager;

/// pve-ha-crm of one node: waits for ha_manager_lock, and as the master moves every service from state to state.
class ha_crm {
  public:
    ha_crm(cluster& model, ha_manager& ha, node_name self);
    /// One round; how long until the next one.
    duration round();
    [[nodiscard]] bool is_master() const { return is_master_; }
    /// The node went off: nothing is remembered.
    void forget();

  private:
    [[nodiscard]] bool is_online(const node_name& node) const;
    [[nodiscard]] bool is_long_offline(const node_name& node) const;
    [[nodiscard]] std::vector<node_name> usable_nodes() const;
    void become_master();
    [[nodiscard]] bool has_disarmed() const;
    void resign();
    void manage();
    void look_at_nodes();
    void look_at_resources();
    void obey_commands();
    void obey(const std::vector<std::string>& words);
    bool step_all();
    bool fence_nodes();
    bool step(const std::string& sid, ha_service& s);
    bool step_started(const std::string& sid, ha_service& s, const ha_resource& r);
    bool step_result(const std::string& sid, ha_service& s, const ha_resource& r, bool& elsewhere);
    bool step_placement(const std::string& sid, ha_service& s, bool elsewhere);
    bool step_request_stop(const std::string& sid, ha_service& s);
    bool step_moving(const std::string& sid, ha_service& s, const ha_resource& r);
    bool step_stopped(const std::string& sid, ha_service& s, const ha_resource& r);
    bool step_recovery(const std::string& sid, ha_service& s, const ha_resource& r);
    bool step_freeze(const std::string& sid, ha_service& s, const ha_resource& r);
    bool follow_command(ha_service& s);
    bool fence_if_gone(ha_service& s);
    bool change(ha_service& s, const std::string& state);
    [[nodiscard]] const ha_lrm_status::outcome* result_of(const ha_service& s) const;
    void steal(guest_id guest, const node_name& from, const node_name& to);

    cluster& model_;
    ha_manager& ha_;
    node_name self_;
    bool is_master_ = false;
    int idle_rounds_ = 0;
    std::map<node_name, time_point> last_online_;
    // of the present round
    ha_config config_;
    ha_manager_status status_;
    std::map<node_name, ha_lrm_status> lrm_;
};

}  // namespace steward::sim
