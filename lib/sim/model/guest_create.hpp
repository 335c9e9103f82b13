#pragma once
#include "sim/model/guest_work.hpp"

#include <map>
#include <string>

/// New guests: a CT out of a template, a VM with empty disks.
namespace steward::sim {

class create_order {
  public:
    guest_id guest;
    volid from;                                 ///< a CT's template, "local:vztmpl/…"
    storage_id to;                              ///< of a CT whose rootfs nobody described
    std::map<std::string, std::string> values;  ///< options as given
    bool start = false;
};

/// The worker. The configuration with `lock: create` was written before, by the API call; it goes when this fails.
std::string begin_creation(cluster& model, const node_name& node, const std::string& user, create_order order);

}  // namespace steward::sim
