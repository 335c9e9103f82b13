#include "guard/lease_writer.hpp"

#include "base/log.hpp"
#include "core/fencing/corosync_config.hpp"
#include "core/fencing/proof.hpp"
#include "core/handover/config_text.hpp"
#include "core/handover/handover.hpp"

#include <cerrno>
#include <fmt/core.h>
#include <fstream>
#include <iterator>

namespace steward::guard {

using namespace std::chrono_literals;
using handover::config_name;
using handover::head_value;
using handover::node_directory;
using handover::parked_directory;

namespace {

constexpr const char* leases = "priv/steward/nodes";

}  // namespace

void lease_ages::observe(const lease::node_lease& seen, time_point now) {
    const std::lock_guard hold(mutex_);
    seen_.observe(seen, now);
}

std::string lease_ages::doubt(const node_name& node, const std::string& confirmation, time_point now) const {
    const std::lock_guard hold(mutex_);
    const lease::node_lease* last = seen_.last(node);
    const auto silent = seen_.silence(node, now);
    const auto said = fencing::parse_confirmation(confirmation);
    // Whoever still writes leases is not off, whatever anybody says.
    const bool is_silent = !silent || *silent >= fencing::timing::after_agent;
    if (said && is_silent && (last == nullptr || last->boot_id == said->boot_id)) return {};
    if (last == nullptr || !silent) return node.str() + " has never written a lease";
    if (last->promise == lease::contract::none) return node.str() + " has promised nothing";
    if (*silent >= fencing::timing::take) return {};
    if (lease::is_empty_handed(last->promise) && *silent >= fencing::timing::after_release) return {};
    return fmt::format("{} wrote its last lease {} ago, before this guard's eyes", node.str(),
                       describe_duration(*silent));
}

/// Its own lease as it stands; what cannot be read is no news.
void lease_writer::read_own() {
    auto files = pve_files::open(pve_root_, node_);
    auto* opened = std::get_if<pve_files>(&files);
    if (opened == nullptr) return;
    const auto text = opened->read(leases, node_.str());
    const auto* standing = std::get_if<std::optional<std::string>>(&text);
    if (standing == nullptr) return;
    if (const auto lease = lease::parse_node_lease(standing->value_or(""))) heart_.remember(*lease);
}

bool lease_writer::renew() {
    read_own();
    const time_point begun = time_.boottime();
    lease::contract promised = lease::contract::none;
    const std::string text = heart_.next_lease(promised);
    std::optional<pve_files> files;
    const auto failed = write(text, files);
    heart_.renewed(!failed, begun, promised);
    if (failed) {
        log::warning("guard.not_renewed", {{"node", node_.str()}, {"reason", failed->detail}});
        return false;
    }
    const time_point looked = time_.boottime();
    auto seen = look(*files);
    if (auto* sight = std::get_if<home_sight>(&seen))
        heart_.see(std::move(*sight), looked);
    else
        log::warning("guard.blind", {{"node", node_.str()}, {"reason", std::get<failure>(seen).detail}});
    read_others(*files);
    return true;
}

std::optional<failure> lease_writer::write(const std::string& text, std::optional<pve_files>& files) const {
    auto opened = pve_files::open(pve_root_, node_);
    if (auto* why = std::get_if<failure>(&opened)) return std::move(*why);
    files.emplace(std::move(std::get<pve_files>(opened)));
    auto members = files->read("", ".members");
    if (auto* why = std::get_if<failure>(&members)) return std::move(*why);
    const auto& said = std::get<std::optional<std::string>>(members);
    if (fencing::is_forced(corosync(), fencing::online_nodes(said.value_or("")))) {
        heart_.see_forced();
        return failure(EACCES, "no majority of the nodes is online");
    }
    return files->write(leases, node_.str(), text);
}

fencing::membership lease_writer::corosync() const {
    std::ifstream file(corosync_file_);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return fencing::parse_corosync(text);
}

outcome<home_sight> lease_writer::look(pve_files& files) const {
    home_sight seen;
    auto parked = files.list(parked_directory);
    if (auto* why = std::get_if<failure>(&parked)) return std::move(*why);
    for (const guest_id g : heart_.managed()) {
        auto home = files.modified(node_directory(node_, g.type), config_name(g.id));
        if (auto* why = std::get_if<failure>(&home)) return std::move(*why);
        if (std::get<std::optional<std::int64_t>>(home)) {
            seen.at_home.push_back(g);
            continue;
        }
        auto taken = was_taken(files, g, std::get<std::vector<std::string>>(parked));
        if (auto* why = std::get_if<failure>(&taken)) return std::move(*why);
        if (std::get<bool>(taken)) seen.taken.push_back(g);
    }
    seen.no_promise = fencing::promise_refusal(corosync());
    return seen;
}

/// Parked from here, and not on its way back by a migration: then its machine runs here before its configuration is.
outcome<bool> lease_writer::was_taken(pve_files& files, guest_id guest, const std::vector<std::string>& parked) const {
    if (!handover::was_parked(parked, guest.id, node_)) return false;
    auto nodes = files.list("nodes");
    if (auto* why = std::get_if<failure>(&nodes)) return std::move(*why);
    for (const std::string& name : std::get<std::vector<std::string>>(nodes)) {
        auto text = files.read("nodes/" + name + "/" + config_directory(guest.type), config_name(guest.id));
        if (auto* why = std::get_if<failure>(&text)) return std::move(*why);
        const auto& config = std::get<std::optional<std::string>>(text);
        if (head_value(config.value_or(""), "lock") == "migrate") return false;
    }
    return true;
}

void lease_writer::read_others(pve_files& files) {
    auto names = files.list(leases);
    if (std::holds_alternative<failure>(names)) return;
    for (const std::string& name : std::get<std::vector<std::string>>(names)) {
        auto text = files.read(leases, name);
        const auto* found = std::get_if<std::optional<std::string>>(&text);
        if (found == nullptr) continue;
        const auto lease = lease::parse_node_lease(found->value_or(""));
        if (lease && lease->node.str() == name) others_.observe(*lease, time_.boottime());
    }
}

}  // namespace steward::guard
