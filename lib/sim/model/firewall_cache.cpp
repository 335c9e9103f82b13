#include "sim/model/firewall_cache.hpp"

namespace steward::sim {

std::shared_ptr<const firewall_file> firewall_cache::read(const file_tree& tree, const std::string& path,
                                                          firewall_scope scope,
                                                          const std::shared_ptr<const firewall_file>& cluster) {
    std::string text = tree.read(path).value_or("");
    entry& e = entries_[{path, scope}];
    if (e.parsed != nullptr && e.cluster == cluster && e.text == text) return e.parsed;
    e.parsed = std::make_shared<const firewall_file>(firewall_file::parse(text, scope, cluster.get()));
    e.cluster = cluster;
    e.text = std::move(text);
    return e.parsed;
}

}  // namespace steward::sim
