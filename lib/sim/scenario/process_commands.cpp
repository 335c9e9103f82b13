#include "runtime/single_instance.hpp"
#include "sim/scenario/commands.hpp"
#include "sim/scenario/lab.hpp"

#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <unistd.h>

namespace steward::sim::scenario {

namespace {

/// Until corosync has noticed that it speaks of a ring that is gone.
constexpr duration out_of_the_ring = std::chrono::seconds(5);

/// A directory like a daemon's state_dir, for as long as it is looked at.
class state_directory {
  public:
    state_directory() {
        std::string name = (std::filesystem::temp_directory_path() / "steward-scenario-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) path_ = name;
    }
    ~state_directory() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    state_directory(const state_directory&) = delete;
    state_directory& operator=(const state_directory&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace

/// Has the run of the lab.
class process_commands {
  public:
    explicit process_commands(lab& where) : lab_(where) {}

    std::optional<result<void>> handle(const words& w) {
        if (w[0] == "rollback") return roll_back(w);
        if (w[0] == "start-daemon") return start_daemon(w);
        if (w[0] == "boot-with-stale-cfs") return boot_stale(w);
        if (w.size() != 2 || (w[0] != "spawn" && w[0] != "cont")) return std::nullopt;
        const std::size_t dot = w[1].find('.');
        const node_name node(w[1].substr(0, dot));
        const std::string process = dot == std::string::npos ? "" : w[1].substr(dot + 1);
        if (lab_.model_.find_node(node) == nullptr) return wrong("there is no node " + node.str());
        if (w[0] == "spawn") return process == "main-duplicate" ? start_twice(node) : wrong("spawn N.main-duplicate");
        if (process != "main" && process != "guard") return wrong("cont N.main|guard");
        go_on(node, process);
        return result<void>();
    }

  private:
    /// rollback N TIME: a virtual machine that is a node goes back to its snapshot, with its memory and its clock. It
    /// falls out of corosync's ring, and its daemon, which remembers a cluster that is gone, begins anew.
    result<void> roll_back(const words& w) {
        const auto by = w.size() == 3 ? config::parse_sim_time(w[2]) : std::nullopt;
        const sim_node* n = w.size() == 3 ? lab_.model_.find_node(node_name(w[1])) : nullptr;
        if (n == nullptr || !by || !n->powered) return wrong("rollback N TIME");
        const node_name node = n->name;
        const duration ahead =
            std::chrono::duration_cast<duration>(lab_.model_.wall_now(node) - lab_.model_.wall_now());
        lab_.model_.set_clock(node, ahead - *by, n->clock_drift);
        if (virtual_guard* guard = lab_.guard_of(node)) guard->roll_back(*by);
        lab_.kill_daemon(node);
        lab_.model_.connect_cluster_network(node, false);
        cluster* model = &lab_.model_;
        lab_.model_.at(lab_.time_.now() + out_of_the_ring,
                       [model, node] { model->connect_cluster_network(node, true); });
        return {};
    }

    /// start-daemon N v1: of this version
    result<void> start_daemon(const words& w) {
        const bool is_known = w.size() == 3 && w[2] == "v1" && lab_.model_.find_node(node_name(w[1])) != nullptr;
        if (!is_known) return wrong("start-daemon N v1");
        lab_.stopped_daemons_.erase(node_name(w[1]));
        return {};
    }

    /// boot-with-stale-cfs N TIME: it is quorate before its /etc/pve is that of the others
    result<void> boot_stale(const words& w) {
        const auto lasts = w.size() == 3 ? config::parse_sim_time(w[2]) : std::nullopt;
        const sim_node* n = w.size() == 3 ? lab_.model_.find_node(node_name(w[1])) : nullptr;
        if (n == nullptr || !lasts || n->powered) return wrong("boot-with-stale-cfs N TIME, of a node that is off");
        lab_.model_.boot_stale(n->name, *lasts);
        return {};
    }

    /// SIGCONT
    void go_on(const node_name& node, const std::string& process) {
        const auto daemon = lab_.daemons_.find(node);
        if (process == "main" && daemon != lab_.daemons_.end()) daemon->second->clock().stands_until = lab_.time_.now();
        virtual_guard* guard = process == "guard" ? lab_.guard_of(node) : nullptr;
        if (guard != nullptr) guard->clock().stands_until = lab_.time_.now();
    }

    /// A second stewardd of the same node, with the same state_dir: the lock in it is the real one.
    result<void> start_twice(const node_name& node) {
        if (lab_.daemons_.count(node) == 0) return wrong("no daemon runs on " + node.str());
        const state_directory state;
        if (state.path().empty()) return wrong("no temporary directory could be made");
        const auto first = single_instance::acquire(state.path() / "lock");
        if (!first) return first.error();
        const auto second = single_instance::acquire(state.path() / "lock");
        if (second) return wrong("two daemons run on " + node.str());
        lab_.note_of(sight::exit, node, second.error().code == errc::exists ? "duplicate" : "failed",
                     second.error().text());
        return {};
    }

    lab& lab_;
};

std::optional<result<void>> handle_process(lab& where, const words& w) { return process_commands(where).handle(w); }

}  // namespace steward::sim::scenario
