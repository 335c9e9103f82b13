#include "sim/model/guest_clone.hpp"

#include "sim/model/devices.hpp"

#include <fmt/core.h>
#include <memory>

namespace steward::sim {

namespace {

std::string name_part(const volid& id) { return id.str().substr(id.str().find(':') + 1); }

class cloning {
  public:
    cloning(cluster& model, node_name node, clone_order order)
        : model_(model), node_(std::move(node)), order_(std::move(order)) {}

    std::string begin(const std::string& upid) {
        const auto file = read_guest(model_, node_, order_.from);
        if (!file) return fail(missing_config_text(node_, order_.from));
        const auto snapshot = file->snapshots.find(order_.snapshot);
        if (!order_.snapshot.empty() && snapshot == file->snapshots.end())
            return fail(fmt::format("snapshot '{}' does not exist", order_.snapshot));
        copy_ = order_.snapshot.empty() ? file->now : snapshot->second;
        for (auto& [key, value] : copy_.values) {
            if (!is_drive_option(key) || key.starts_with("unused")) continue;
            if (std::string why = copy_drive(upid, key, value); !why.empty()) return fail(why);
        }
        return {};
    }

    std::string finish() {
        for (const char* key : {"lock", "parent", "snaptime", "vmstate", "template"}) copy_.set(key, "");
        std::erase_if(copy_.values, [](const auto& v) { return v.first.starts_with("unused"); });
        replace_macs(model_, copy_);
        const bool is_ct = order_.to.type == guest_type::ct;
        if (!is_ct) {
            copy_.set("vmgenid", new_uuid(model_));
            copy_.set("smbios1", "uuid=" + new_uuid(model_));
        }
        const std::string usual =
            fmt::format("{}{}", is_ct ? "CT" : "Copy-of-VM-", is_ct ? to_string(order_.to.id) : old_name());
        copy_.set(is_ct ? "hostname" : "name", order_.name.empty() ? usual : order_.name);
        if (order_.has_description) copy_.description = encoded_description(order_.description);
        guest_file file(order_.to.type);
        file.now = copy_;
        file.now.sections.clear();
        // The new configuration was made here and moves on with its disks, which are shared.
        if (const std::string why = write_guest(model_, node_, file, order_.to); !why.empty()) return fail(why);
        if (order_.target != node_)
            if (const auto moved = model_.files().rename(config_files::path(node_, order_.to),
                                                         config_files::path(order_.target, order_.to));
                !moved)
                return fail(moved.error().detail);
        return "OK";
    }

    void undo() {
        release_all(model_, node_, made_);
        made_.clear();
        model_.files().remove(node_, order_.to);
    }

  private:
    std::string fail(const std::string& why) {
        undo();
        return "clone failed: " + why;
    }

    [[nodiscard]] std::string old_name() const {
        const std::string name = copy_.get("name");
        return name.empty() ? to_string(order_.from.id) : name;
    }

    std::string copy_drive(const std::string& upid, const std::string& key, std::string& drive) {
        if (property_list(drive).get("media") == "cdrom" && drive.find("cloudinit") == std::string::npos) return {};
        const volid old = volume_of(drive);
        if (old.str().find(':') == std::string::npos) return {};
        if (!model_.has_volume(old, node_)) return fmt::format("no such volume '{}'", old.str());
        const bool linked = !order_.full && old.str().find("base-") != std::string::npos;
        const storage_id where = linked || order_.storage.empty() ? storage_of(old) : order_.storage;
        const std::uint64_t bytes = linked ? 0 : volume_size(model_, node_, old);
        auto fresh = model_.allocate(where, node_, order_.to, bytes, format_for(old));
        if (!fresh) return fresh.error().detail;
        if (linked && name_part(old).find('/') != std::string::npos) fresh = below_base(old, *fresh);
        made_.push_back(*fresh);
        model_.log_line(
            upid, fmt::format("create {} clone of {} ({})", linked ? "linked" : "full",
                              order_.from.type == guest_type::ct ? "mountpoint " + key : "drive " + key, old.str()));
        drive = with_volume(drive, *fresh);
        return {};
    }

    /// "local:100/base-100-disk-0.qcow2/101/vm-101-disk-0.qcow2": files name what they are based on.
    volid below_base(const volid& base, const volid& fresh) {
        volid linked(base.str() + "/" + name_part(fresh));
        auto& held = model_.volumes(storage_of(base), node_);
        held.insert_or_assign(linked, held.at(fresh));
        held.erase(fresh);
        return linked;
    }

    [[nodiscard]] std::string format_for(const volid& old) const {
        if (old.str().find("cloudinit") != std::string::npos) return "cloudinit";
        if (!order_.format.empty()) return order_.format;
        const std::size_t dot = old.str().rfind('.');
        return dot == std::string::npos ? std::string() : old.str().substr(dot + 1);
    }

    cluster& model_;
    node_name node_;
    clone_order order_;
    guest_config copy_;
    made_volumes made_;
};

/// "vm-100-disk-0" → "base-100-disk-0"
volid base_name(const volid& id) {
    std::string text = id.str();
    const std::size_t slash = text.rfind('/');
    const std::size_t at = slash == std::string::npos ? text.find(':') + 1 : slash + 1;
    for (const char* prefix : {"vm-", "subvol-"})
        if (text.compare(at, std::char_traits<char>::length(prefix), prefix) == 0)
            text.replace(at, std::char_traits<char>::length(prefix), prefix[0] == 'v' ? "base-" : "basevol-");
    return volid(text);
}

std::string make_template(cluster& model, const node_name& node, guest_id guest) {
    auto file = read_guest(model, node, guest);
    if (!file) return missing_config_text(node, guest);
    std::vector<std::pair<volid, volid>> renamed;
    for (const auto& [key, id] : file->now.volumes()) {
        if (key.starts_with("unused")) continue;
        if (!model.has_volume(id, node)) return fmt::format("no such volume '{}'", id.str());
        renamed.emplace_back(id, base_name(id));
        file->now.set(key, with_volume(file->now.get(key), renamed.back().second));
    }
    file->now.set("template", "1");
    if (std::string why = write_guest(model, node, *file, guest); !why.empty()) return why;
    for (const auto& [id, base] : renamed) {
        auto& held = model.volumes(storage_of(id), node);
        auto moved = held.extract(id);
        if (moved.empty()) continue;
        moved.key() = base;
        held.insert(std::move(moved));
    }
    return "OK";
}

}  // namespace

std::string begin_clone(cluster& model, const node_name& node, const std::string& user, clone_order order) {
    task_work w = guest_work("clone", order.from, model.configured().takes.clone);
    w.lock.clear();  // several copies may be made of one guest at a time
    const auto work = std::make_shared<cloning>(model, node, std::move(order));
    w.begin = [work](const std::string& upid) { return work->begin(upid); };
    w.finish = [work](const std::string&) { return work->finish(); };
    w.undo = [work] { work->undo(); };
    return model.start_task(node, user, std::move(w));
}

std::string begin_template(cluster& model, const node_name& node, guest_id guest, const std::string& user) {
    task_work w = guest_work("template", guest, std::chrono::seconds(1));
    w.begin = [&model, node, guest](const std::string&) -> std::string {
        const auto config = model.config(node, guest);
        if (!config) return missing_config_text(node, guest);
        return locked_text(guest.type, *config);
    };
    w.finish = [&model, node, guest](const std::string&) { return make_template(model, node, guest); };
    return model.start_task(node, user, std::move(w));
}

bool has_clone_feature(const cluster& model, const guest_config& config) {
    for (const auto& [key, id] : config.volumes()) {
        if (key.starts_with("unused")) continue;
        if (config.get("template") != "1" && !can_snapshot(model, id)) return false;
    }
    return config.get("template") == "1";
}

}  // namespace steward::sim
