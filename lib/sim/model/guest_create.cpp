#include "sim/model/guest_create.hpp"

#include "sim/model/devices.hpp"

#include <cmath>
#include <fmt/core.h>
#include <memory>

namespace steward::sim {

namespace {

constexpr std::uint64_t unpacked_per_second = 119;  // MiB (recorded: task-02)
constexpr std::uint64_t tar_record = 10240;

/// Compressed, a system is about half as long; tar reads whole records.
std::uint64_t unpacked(std::uint64_t bytes) { return bytes * 198 / 100 / tar_record * tar_record; }

/// By the name of the template: what PVE finds in its /etc/os-release.
std::string detected_ostype(const std::string& name) {
    for (const char* type :
         {"alpine", "archlinux", "centos", "debian", "devuan", "fedora", "gentoo", "nixos", "opensuse", "ubuntu"})
        if (name.find(type) != std::string::npos) return type;
    if (name.find("rocky") != std::string::npos || name.find("alma") != std::string::npos) return "centos";
    return {};
}

class creation {
  public:
    creation(cluster& model, node_name node, std::string user, create_order order)
        : model_(model), node_(std::move(node)), user_(std::move(user)), order_(std::move(order)) {}

    std::string begin(const std::string& upid) {
        const std::string why = prepare(upid);
        if (why.empty()) return {};
        undo();
        return prefix() + why;
    }

    std::string finish(const std::string& upid) {
        if (!read_guest(model_, node_, order_.guest)) return prefix() + missing_config_text(node_, order_.guest);
        const std::string why = order_.guest.type == guest_type::ct ? finish_container(upid) : finish_machine();
        if (!why.empty()) {
            undo();
            return prefix() + why;
        }
        if (order_.start) model_.begin_start(node_, order_.guest, user_);
        return "OK";
    }

    void undo() {
        release_all(model_, node_, made_);
        made_.clear();
        model_.files().remove(node_, order_.guest);
    }

  private:
    [[nodiscard]] std::string prefix() const {
        return fmt::format("unable to create {} {} - ", guest_label(order_.guest.type), order_.guest.id.number());
    }

    std::string prepare(const std::string& upid) {
        const bool is_ct = order_.guest.type == guest_type::ct;
        if (is_ct) {
            if (!model_.is_active(storage_of(order_.from), node_))
                return fmt::format("storage '{}' is not online", storage_of(order_.from).str());
            if (model_.find_stored(order_.from, node_) == nullptr)
                return fmt::format("volume '{}' does not exist", order_.from.str());
            if (order_.values.count("rootfs") == 0) order_.values["rootfs"] = order_.to.str() + ":4";
        }
        for (auto& [key, value] : order_.values) {
            if (is_net_option(key)) value = canonical_net(model_, order_.guest.type, value);
            if (!is_drive_option(key)) continue;
            auto drive = canonical_drive(model_, node_, order_.guest, key, value, made_);
            if (!drive) return drive.error().detail;
            value = *drive;
        }
        if (is_ct)
            model_.log_line(upid, fmt::format("extracting archive '{}'",
                                              path_of(*model_.storage(storage_of(order_.from)), order_.from)));
        return {};
    }

    std::string finish_container(const std::string& upid) {
        const stored_file* from = model_.find_stored(order_.from, node_);
        if (from == nullptr) return fmt::format("volume '{}' does not exist", order_.from.str());
        // tar rounds up.
        const double mib = std::ceil(static_cast<double>(unpacked(from->bytes)) / (1 << 20) * 10) / 10;
        model_.log_line(upid, fmt::format("Total bytes read: {} ({:.1f}MiB, {}MiB/s)", unpacked(from->bytes), mib,
                                          unpacked_per_second));
        guest_file file(guest_type::ct);
        fill(file.now);
        const auto set_default = [&](const char* key, const std::string& value) {
            if (file.now.get(key).empty()) file.now.set(key, value);
        };
        if (file.now.get("arch").empty()) model_.log_line(upid, "Detected container architecture: amd64");
        set_default("arch", "amd64");
        set_default("hostname", fmt::format("CT{}", order_.guest.id.number()));
        set_default("memory", "512");
        set_default("swap", "512");
        set_default("ostype", detected_ostype(from->id.str()));
        if (file.now.get("ostype").empty()) return "unable to detect OS distribution";
        if (file.now.get("unprivileged") == "0") file.now.set("unprivileged", "");
        return write_guest(model_, node_, file, order_.guest);
    }

    std::string finish_machine() {
        guest_file file(guest_type::vm);
        fill(file.now);
        if (file.now.get("boot").empty()) {
            const std::string order = default_boot_order(file.now);
            if (!order.empty()) file.now.set("boot", "order=" + order);
        }
        if (file.now.get("smbios1").empty()) file.now.set("smbios1", "uuid=" + new_uuid(model_));
        if (const std::string id = file.now.get("vmgenid"); id.empty() || id == "1")
            file.now.set("vmgenid", new_uuid(model_));
        file.now.set("meta", fmt::format("creation-qemu={},ctime={}", model_.configured().qemu.version,
                                         model_.wall_now().time_since_epoch().count()));
        return write_guest(model_, node_, file, order_.guest);
    }

    void fill(guest_config& config) const {
        for (const auto& [key, value] : order_.values) {
            if (key == "description")
                config.description = encoded_description(value);
            else
                config.set(key, value);
        }
    }

    /// The first disk, the first CD-ROM, the first network device.
    static std::string default_boot_order(const guest_config& config) {
        std::string disk;
        std::string cdrom;
        std::string net;
        for (const char* bus : {"ide", "scsi", "virtio", "sata"})
            for (const auto& [key, value] : config.values) {
                if (!is_drive_option(key) || option_stem(key) != bus) continue;
                std::string& kind = property_list(value).get("media") == "cdrom" ? cdrom : disk;
                if (kind.empty() && value.find("cloudinit") == std::string::npos) kind = key;
            }
        for (const auto& [key, value] : config.values)
            if (is_net_option(key) && net.empty()) net = key;
        std::string order;
        for (const std::string& each : {disk, cdrom, net})
            if (!each.empty()) order += (order.empty() ? "" : ";") + each;
        return order;
    }

    cluster& model_;
    node_name node_;
    std::string user_;
    create_order order_;
    made_volumes made_;
};

}  // namespace

std::string begin_creation(cluster& model, const node_name& node, const std::string& user, create_order order) {
    task_work w = guest_work("create", order.guest, model.configured().takes.create);
    const auto work = std::make_shared<creation>(model, node, user, std::move(order));
    w.begin = [work](const std::string& upid) { return work->begin(upid); };
    w.finish = [work](const std::string& upid) { return work->finish(upid); };
    w.undo = [work] { work->undo(); };
    return model.start_task(node, user, std::move(w));
}

}  // namespace steward::sim
