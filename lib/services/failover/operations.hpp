#pragma once
#include "cluster/cluster_store.hpp"
#include "core/failover/machine.hpp"
#include "pve/client.hpp"
#include "pve/task.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>

namespace steward {
class leadership;
}

namespace steward::failover {

/// What operations need to know besides the record.
class operation_context {
  public:
    operation_context(pve::client& p, cluster_store& s, std::string user, leadership* l)
        : pve(p), store(s), lead(l), own_user(std::move(user)) {}
    pve::client& pve;
    cluster_store& store;
    leadership* lead;  ///< null: a single instance
    std::string own_user;
};

/// Progress of a running operation: its task's UPID once it is known, and log lines.
class operation_news {
  public:
    std::function<void(const upid&)> task_started;
    std::function<void(const std::string&)> progress;
};

/// Carries out one operation of the machine (preflight is not one of them: it answers with a plan). Each looks at the
/// world first and adopts what is already there, so that starting it again after a crash repeats nothing.
/// `is_resumed`: this daemon has just been restarted in the middle of it.
[[nodiscard]] boost::asio::awaitable<finished> carry_out(operation_context& with, operation what, record saved,
                                                         policy rules, bool is_resumed, operation_news news);

}  // namespace steward::failover
