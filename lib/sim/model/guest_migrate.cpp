#include "sim/model/guest_migrate.hpp"

#include "sim/model/devices.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <memory>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

class migration : public std::enable_shared_from_this<migration> {
  public:
    migration(cluster& model, node_name node, migrate_order order)
        : model_(model),
          node_(std::move(node)),
          order_(std::move(order)),
          guest_(order_.guest),
          was_running_(model_.is_running(node_, guest_)) {}

    /// How long the worker takes.
    [[nodiscard]] duration takes() const { return moves_after() + (restarts() ? model_.configured().takes.start : 0s); }

    std::string begin(const std::string& upid) {
        upid_ = upid;
        began_ = model_.now();
        log(fmt::format("starting migration of {} {} to node '{}' ({})", guest_label(guest_.type), guest_.id.number(),
                        order_.target.str(), address_of(order_.target)));
        if (std::string why = obstacle(); !why.empty()) return abort(why);
        set_guest_lock(model_, node_, guest_, "migrate");
        is_locked_ = true;
        const auto self = shared_from_this();
        const auto while_it_runs = [self](void (migration::*what)()) {
            return [self, what] {
                if (self->model_.tasks().at(self->upid_).running()) (self.get()->*what)();
            };
        };
        if (restarts()) {
            log(fmt::format("shutdown CT {}", guest_.id.number()));
            model_.at(model_.now() + model_.configured().takes.shutdown, while_it_runs(&migration::stop_here));
        }
        model_.at(model_.now() + moves_after(), while_it_runs(&migration::move));
        return {};
    }

    std::string finish() {
        if (!is_moved_) {  // in the same moment as the move was due
            move();
            if (!is_moved_) return abort(problem_);
        }
        log(fmt::format("migration finished successfully (duration {})", elapsed()));
        return "OK";
    }

    void undo() {
        if (is_moved_) return;
        release_all(model_, order_.target, made_);
        made_.clear();
        if (is_locked_) set_guest_lock(model_, node_, guest_, "");
        if (was_running_ && !model_.is_running(node_, guest_) && model_.find_node(node_)->powered)
            model_.begin_start(node_, guest_, "root@pam");
    }

  private:
    [[nodiscard]] bool restarts() const { return guest_.type == guest_type::ct && was_running_ && order_.restart; }

    [[nodiscard]] duration moves_after() const {
        const task_durations& t = model_.configured().takes;
        return (restarts() ? t.shutdown : duration(0s)) + t.migrate;
    }

    [[nodiscard]] std::string address_of(const node_name& node) const {
        const auto& all = model_.nodes();
        std::size_t i = 0;
        while (i < all.size() && all[i].name != node) ++i;
        return fmt::format("10.77.0.{}", 11 + i);
    }

    void log(const std::string& line) {
        model_.log_line(
            upid_,
            fmt::format("{:%Y-%m-%d %H:%M:%S} {}",
                        fmt::gmtime(static_cast<std::time_t>(model_.wall_now().time_since_epoch().count())), line));
    }

    [[nodiscard]] std::string elapsed() const {
        const auto seconds = (model_.now() - began_) / 1s;
        return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }

    std::string abort(const std::string& why) {
        undo();
        log(fmt::format("ERROR: migration aborted (duration {}): {}", elapsed(), why));
        return "migration aborted";
    }

    /// What stands in the way before anything was done; empty when nothing does.
    std::string obstacle() {
        const auto file = read_guest(model_, node_, guest_);
        if (!file) return missing_config_text(node_, guest_);
        if (model_.faults().take(guest_, node_, {"migrate-fails"})) return "storage migration failed: No route to host";
        if (std::string locked = locked_text(guest_.type, file->now); !locked.empty()) return locked;
        if (!model_.can_reach(node_, order_.target)) return "Can't connect to destination address using public key";
        if (order_.online && guest_.type == guest_type::ct && was_running_)
            return "lxc live migration is currently not implemented";
        for (const auto& [key, id] : file->now.volumes()) {
            const storage_id from = storage_of(id);
            if (!model_.has_volume(id, node_)) return fmt::format("no such volume '{}'", id.str());
            if (is_shared(model_, from)) {
                log(fmt::format("volume '{}' is on shared storage '{}'", id.str(), from.str()));
                continue;
            }
            const storage_id to = target_storage(order_.storages, from);
            if (model_.storage(to) == nullptr || !model_.is_active(to, order_.target))
                return fmt::format("storage '{}' is not available on node '{}'", to.str(), order_.target.str());
            if (guest_.type == guest_type::vm && was_running_ && !order_.with_local_disks)
                return "Problem found while scanning volumes - can't live migrate attached local disks without "
                       "with-local-disks option";
            log(fmt::format("found local volume '{}' (in current VM config)", id.str()));
        }
        return {};
    }

    void stop_here() { model_.halt(node_, guest_); }

    /// Copies what is local, hands the configuration over, and brings the guest up where it is now.
    void move() {
        if (is_moved_) return;
        auto file = read_guest(model_, node_, guest_);
        problem_ = !file                                     ? missing_config_text(node_, guest_)
                   : !model_.can_reach(node_, order_.target) ? "Can't connect to destination address using public key"
                                                             : copy_volumes(*file);
        if (!problem_.empty()) return;
        const instance* running = model_.find_instance(node_, guest_);
        const bool goes_on = running != nullptr;
        const service_state service = goes_on ? running->service : service_state::healthy;
        const bool paused = goes_on && running->paused;
        file->now.set("lock", "");
        problem_ = write_guest(model_, node_, *file, guest_);
        if (!problem_.empty()) return;
        const auto renamed =
            model_.files().rename(config_files::path(node_, guest_), config_files::path(order_.target, guest_));
        if (!renamed) {
            problem_ = renamed.error().detail;
            return;
        }
        is_moved_ = true;
        for (const volid& id : left_behind_) model_.release(id, node_);
        if (goes_on) {
            model_.halt(node_, guest_);
            model_.run(order_.target, guest_);
            instance* there = model_.find_instance(order_.target, guest_);
            there->service = service;
            there->paused = paused;
        }
        log("start final cleanup");
        if (!restarts()) return;
        log("start container on target node");
        model_.begin_start(order_.target, guest_, "root@pam");
    }

    std::string copy_volumes(guest_file& file) {
        for (auto& [key, value] : file.now.values) {
            if (!is_drive_option(key) || property_list(value).get("media") == "cdrom") continue;
            const volid old = volume_of(value);
            const storage_id from = storage_of(old);
            if (old.str().find(':') == std::string::npos || is_shared(model_, from)) continue;
            auto& held = model_.volumes(from, node_);
            const auto found = held.find(old);
            if (found == held.end()) return fmt::format("no such volume '{}'", old.str());
            const volid fresh = place(old, target_storage(order_.storages, from), found->second);
            if (fresh.empty()) return fmt::format("no space left on storage of node '{}'", order_.target.str());
            made_.push_back(fresh);
            left_behind_.push_back(old);
            log(fmt::format("volume '{}' is '{}' on the target", old.str(), fresh.str()));
            value = with_volume(value, fresh);
        }
        return {};
    }

    /// Under its own name when that is free there, else under the next one.
    volid place(const volid& old, const storage_id& to, const volume& what) {
        if (model_.available(to, order_.target) < what.bytes) return {};
        volid fresh(to.str() + old.str().substr(old.str().find(':')));
        auto& held = model_.volumes(to, order_.target);
        const storage_entry* source = model_.storage(storage_of(old));
        const storage_entry* target = model_.storage(to);
        const bool same_kind = source != nullptr && target != nullptr && source->type == target->type;
        if (!same_kind || held.count(fresh) != 0) {
            const std::size_t dot = old.str().rfind('.');
            const std::string format = dot == std::string::npos ? std::string() : old.str().substr(dot + 1);
            const auto next = model_.allocate(to, order_.target, guest_, what.bytes, format);
            if (!next) return {};
            fresh = *next;
        }
        held.insert_or_assign(fresh, what);
        return fresh;
    }

    cluster& model_;
    node_name node_;
    migrate_order order_;
    guest_id guest_;
    bool was_running_;
    bool is_locked_ = false;
    bool is_moved_ = false;
    std::string upid_;
    std::string problem_;
    time_point began_{};
    made_volumes made_;
    made_volumes left_behind_;
};

}  // namespace

storage_id target_storage(const std::string& mapping, const storage_id& from) {
    storage_id all = from;
    for (std::size_t at = 0; at < mapping.size();) {
        const std::size_t end = std::min(mapping.find(',', at), mapping.size());
        const std::string word = mapping.substr(at, end - at);
        at = end + 1;
        const std::size_t colon = word.find(':');
        if (colon == std::string::npos) {
            if (word != "1") all = storage_id(word);
        } else if (word.substr(0, colon) == from.str()) {
            return storage_id(word.substr(colon + 1));
        }
    }
    return all;
}

bool is_shared(const cluster& model, const storage_id& id) {
    const storage_entry* s = model.storage(id);
    return s != nullptr && s->shared;
}

std::string begin_migration(cluster& model, const node_name& node, const std::string& user, migrate_order order) {
    const auto work = std::make_shared<migration>(model, node, order);
    task_work w = guest_work("migrate", order.guest, work->takes());
    if (order.guest.type == guest_type::vm) w.type = "qmigrate";
    w.begin = [work](const std::string& upid) { return work->begin(upid); };
    w.finish = [work](const std::string&) { return work->finish(); };
    w.undo = [work] { work->undo(); };
    return model.start_task(node, user, std::move(w));
}

}  // namespace steward::sim
