#pragma once
#include "base/time.hpp"
#include "sim/model/ha_config.hpp"
#include "sim/model/ha_status.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace steward::sim {

class cluster;
class ha_manager;

/// pve-ha-lrm of one node: carries out what the CRM wants of this node's services. While it has any it holds the
/// node's agent lock and feeds the watchdog; when it cannot renew the lock it stops feeding.
class ha_lrm {
  public:
    ha_lrm(cluster& model, ha_manager& ha, node_name self);
    /// One round; how long until the next one.
    duration round();
    /// Looks after the workers between two rounds.
    void collect();
    /// The node goes down: `done` is called when it may (pve-facts I.2, shutdown_policy).
    void leave(bool comes_back, std::function<void()> done);
    void forget();
    [[nodiscard]] bool is_active() const { return status_.state == "active"; }
    [[nodiscard]] bool is_leaving() const { return static_cast<bool>(left_); }

  private:
    class worker {
      public:
        std::string upid;
        std::string uid;
        std::string state;
        bool is_only_stopping = false;  ///< before an offline migration
    };
    [[nodiscard]] bool is_fence_wanted() const;
    [[nodiscard]] int active_services() const;
    void keep_lock();
    void let_go();
    void work_on(const std::string& sid, const ha_service& s);
    void run_started(const std::string& sid, guest_id guest, const ha_service& s);
    void run_stop(const std::string& sid, guest_id guest, const ha_service& s);
    void run_move(const std::string& sid, guest_id guest, const ha_service& s);
    void begin(const std::string& sid, const ha_service& s, const std::string& upid);
    void post(const std::string& sid, const std::string& uid, const std::string& state, int exit_code);
    void finish(const std::string& sid, const worker& w, bool ok);
    void stop_everything();
    void check_departure();
    void publish();

    cluster& model_;
    ha_manager& ha_;
    node_name self_;
    ha_lrm_status status_;
    std::shared_ptr<const ha_manager_status> wanted_ = std::make_shared<const ha_manager_status>();
    ha_config config_;
    std::map<std::string, worker> workers_;  // by sid
    std::map<std::string, int> restart_tries_;
    int idle_rounds_ = 0;
    std::function<void()> left_;
};

}  // namespace steward::sim
