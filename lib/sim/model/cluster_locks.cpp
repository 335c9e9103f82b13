#include "sim/model/cluster_locks.hpp"

#include "sim/model/file_tree.hpp"

#include <algorithm>

namespace steward::sim {

namespace {
std::string path_of(const std::string& name) { return "priv/lock/" + name; }
}  // namespace

result<void> cluster_locks::acquire(const std::string& name, const node_name& by, time_point now) {
    if (!tree_.make_directory(path_of(name))) return fault(errc::exists, "mkdir " + path_of(name), "File exists");
    known_.insert_or_assign(name, held{by, now});
    return {};
}

result<void> cluster_locks::refresh(const std::string& name, const node_name& by, time_point now) {
    if (!is_held(name)) return fault(errc::not_found, "utime " + path_of(name), "No such file or directory");
    if (holder(name) != by) return fault(errc::forbidden, "utime " + path_of(name), "Permission denied");
    known_.at(name).refreshed = now;
    return {};
}

bool cluster_locks::request_release(const std::string& name, time_point now, time_point judge_since) {
    if (!is_held(name)) return true;
    // One made by another process is seen now for the first time.
    const held& lock = known_.try_emplace(name, held{node_name(), now}).first->second;
    if (now - std::max(lock.refreshed, judge_since) < life) return false;
    if (!tree_.remove(path_of(name))) return false;  // something lies in it: it never expires (pmxcfs, memdb.c)
    known_.erase(name);
    return true;
}

result<void> cluster_locks::release(const std::string& name, const node_name& by) {
    if (!is_held(name)) return fault(errc::not_found, "rmdir " + path_of(name), "No such file or directory");
    if (const node_name owner = holder(name); !owner.empty() && owner != by)
        return fault(errc::forbidden, "rmdir " + path_of(name), "Permission denied");
    if (!tree_.remove(path_of(name))) return fault(errc::io, "rmdir " + path_of(name), "Directory not empty");
    known_.erase(name);
    return {};
}

bool cluster_locks::is_held(const std::string& name) const { return tree_.exists(path_of(name)); }

node_name cluster_locks::holder(const std::string& name) const {
    const auto found = known_.find(name);
    return found == known_.end() ? node_name() : found->second.by;
}

}  // namespace steward::sim
