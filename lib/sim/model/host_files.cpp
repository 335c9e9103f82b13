#include "sim/model/host_files.hpp"

namespace steward::sim {

std::string host_files::read(const node_name& node, const std::string& path, const std::string& fallback) const {
    const auto found = files_.find({node, path});
    return found == files_.end() ? fallback : found->second;
}

void host_files::write(const node_name& node, const std::string& path, const std::string& text) {
    files_[{node, path}] = text;
}

bool host_files::is_stopped(const node_name& node, const std::string& service) const {
    return stopped_.count({node, service}) != 0;
}

void host_files::set_stopped(const node_name& node, const std::string& service, bool stopped) {
    if (stopped)
        stopped_.insert({node, service});
    else
        stopped_.erase({node, service});
}

void host_files::boot(const node_name& node) {
    std::erase_if(stopped_, [&](const auto& s) { return s.first == node; });
}

}  // namespace steward::sim
