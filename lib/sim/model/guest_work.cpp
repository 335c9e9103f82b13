#include "sim/model/guest_work.hpp"

#include <fmt/core.h>

namespace steward::sim {

namespace {
constexpr duration flock_wait = std::chrono::seconds(10);  // pve-facts E.6
}

const char* guest_label(guest_type type) { return type == guest_type::ct ? "CT" : "VM"; }

const char* task_prefix(guest_type type) { return type == guest_type::ct ? "vz" : "qm"; }

task_work guest_work(const std::string& verb, guest_id guest, duration takes) {
    task_work w(task_prefix(guest.type) + verb, std::to_string(guest.id.number()), takes);
    w.lock = guest_lock_name(guest);
    w.lock_wait = flock_wait;
    w.lock_timeout = fmt::format("can't lock file '{}' - got timeout", guest_lock_path(guest));
    return w;
}

std::string missing_config_text(const node_name& node, guest_id guest) {
    return fmt::format("Configuration file '{}' does not exist", config_files::path(node, guest));
}

std::string locked_text(guest_type type, const guest_config& config) {
    const std::string lock = config.get("lock");
    return lock.empty() ? std::string() : fmt::format("{} is locked ({})", guest_label(type), lock);
}

std::optional<guest_file> read_guest(const cluster& model, const node_name& node, guest_id guest) {
    const auto text = model.files().read(node, guest);
    if (!text) return std::nullopt;
    return guest_file::parse(guest.type, *text);
}

std::string write_guest(cluster& model, const node_name& node, const guest_file& file, guest_id guest) {
    const auto written = model.files().write(node, guest, file.text());
    return written ? std::string() : written.error().detail;
}

void set_guest_lock(cluster& model, const node_name& node, guest_id guest, const std::string& lock) {
    auto file = read_guest(model, node, guest);
    if (!file) return;
    file->now.set("lock", lock);
    (void)write_guest(model, node, *file, guest);
}

std::string taken_text(const config_files::place& where) {
    return fmt::format("{} {} already exists on node '{}'", guest_label(where.guest.type), where.guest.id.number(),
                       where.node.str());
}

}  // namespace steward::sim
