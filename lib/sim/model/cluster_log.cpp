#include "sim/model/cluster_log.hpp"

namespace steward::sim {

void cluster_log::add(entry e) {
    e.uid = next_uid_++;
    entries_.push_back(std::move(e));
    if (entries_.size() > most_entries) entries_.pop_front();
}

}  // namespace steward::sim
