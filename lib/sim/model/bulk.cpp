#include "sim/model/bulk.hpp"

#include "sim/model/cluster.hpp"
#include "sim/model/guest_migrate.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <limits>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

constexpr duration look_again = 250ms;
constexpr duration pause_after_vm = 3s;
constexpr duration suspend_takes = 5s;
constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

const char* label(guest_id g) { return g.type == guest_type::ct ? "CT" : "VM"; }

/// A guest with what to do for it.
class item {
  public:
    item(guest_id who, startup_order when) : guest(who), startup(when) {}
    guest_id guest;
    startup_order startup;
};

/// The guests of a bulk operation in their groups, one group at a time; lives as long as its next event.
class bulk_run : public std::enable_shared_from_this<bulk_run> {
  public:
    bulk_run(cluster& m, bulk_order o) : model(m), what(std::move(o)) {}

    cluster& model;
    bulk_order what;
    std::string upid;
    std::vector<std::vector<item>> groups;
    std::size_t limit = no_limit;
    bool needs_quorum = false;
    bool has_begun = false;
    std::function<std::string(const item&)> launch;  ///< UPID; empty: nothing to do
    std::function<duration(const item&)> pause = [](const item&) { return duration(); };

    void begin(const char* type) {
        task_work w(type, "", 0s);
        w.is_open_ended = true;
        upid = model.start_task(what.node, what.user, std::move(w));
        again(0s);
    }

  private:
    std::size_t group_ = 0;
    std::size_t next_ = 0;
    std::vector<std::string> running_;

    void again(duration later) {
        model.at(model.now() + later, [self = shared_from_this()] { self->step(); });
    }

    [[nodiscard]] bool is_over() const {
        const auto t = model.tasks().find(upid);
        return t == model.tasks().end() || !t->second.running();
    }

    void step() {
        if (is_over()) {
            if (what.done) what.done();
            return;
        }
        if (model.find_node(what.node)->frozen) return again(1s);
        if (needs_quorum && !model.is_quorate(what.node)) {
            if (has_begun) return model.finish_task(upid, "cluster not ready - no quorum?");
            return again(1s);
        }
        has_begun = true;
        std::erase_if(running_, [&](const std::string& u) { return !model.tasks().at(u).running(); });
        if (group_ == groups.size()) {
            model.finish_task(upid, "OK");
            if (what.done) what.done();
        } else if (next_ < groups[group_].size() && running_.size() < limit) {
            const item& each = groups[group_][next_++];
            const std::string begun = launch(each);
            if (!begun.empty()) running_.push_back(begun);
            again(begun.empty() ? 0s : pause(each));
        } else if (next_ == groups[group_].size() && running_.empty()) {
            ++group_;
            next_ = 0;
            again(0s);
        } else {
            again(look_again);
        }
    }
};

bool is_wanted(const bulk_order& what, guest_id g) { return what.only.empty() || what.only.count(g.id) != 0; }

/// The guests of the node that `takes_part` accepts, by `startup` order, those without one last.
std::vector<std::vector<item>> grouped(const cluster& model, const bulk_order& what,
                                       const std::function<bool(guest_id, const guest_config&)>& takes_part) {
    constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
    std::map<std::int64_t, std::vector<item>> by_order;
    for (const auto& p : model.files(what.node).guests()) {
        if (p.node != what.node || !is_wanted(what, p.guest)) continue;
        const auto c = model.config(p.node, p.guest);
        if (!c || c->get("template") == "1" || !takes_part(p.guest, *c)) continue;
        const startup_order startup = startup_order::parse(c->get("startup"));
        by_order[startup.order.value_or(last)].emplace_back(p.guest, startup);
    }
    std::vector<std::vector<item>> groups;
    for (auto& [order, items] : by_order) groups.push_back(std::move(items));
    return groups;
}

/// A `backup` lock without a backup is what a crash has left behind.
void remove_stale_locks(cluster& model, const node_name& node) {
    for (const auto& [upid, t] : model.tasks())
        if (t.node == node && t.running() && t.work.type == "vzdump") return;
    for (const auto& p : model.files().guests()) {
        auto c = model.config(p.node, p.guest);
        if (p.node != node || !c || c->get("lock") != "backup") continue;
        c->set("lock", "");
        (void)model.files().write(node, p.guest, c->text());
    }
}

std::string begin_suspend(cluster& model, const node_name& node, guest_id guest, const std::string& user) {
    task_work w("qmsuspend", to_string(guest.id), suspend_takes);
    w.lock = guest_lock_name(guest);
    w.lock_wait = 10s;
    w.lock_timeout = fmt::format("can't lock file '{}' - got timeout", guest_lock_path(guest));
    w.finish = [&model, node, guest](const std::string&) -> std::string {
        auto c = model.config(node, guest);
        if (!c) return fmt::format("Configuration file '{}' does not exist", config_files::path(node, guest));
        c->set("lock", "suspended");
        (void)model.files().write(node, guest, c->text());
        model.halt(node, guest);
        return "OK";
    };
    return model.start_task(node, user, std::move(w));
}

}  // namespace

startup_order startup_order::parse(std::string_view text) {
    startup_order found;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = word.find('=');
        const std::string key(equals == std::string_view::npos ? "order" : word.substr(0, equals));
        const std::string value(equals == std::string_view::npos ? word : word.substr(equals + 1));
        const std::int64_t number = std::strtoll(value.c_str(), nullptr, 10);
        if (key == "order") found.order = number;
        if (key == "up") found.up = std::chrono::seconds(number);
        if (key == "down") found.down = std::chrono::seconds(number);
    }
    return found;
}

std::string begin_start_all(cluster& model, bulk_order what) {
    const auto run = std::make_shared<bulk_run>(model, std::move(what));
    const bulk_order& order = run->what;
    run->needs_quorum = true;
    remove_stale_locks(model, order.node);
    const bool everything = order.force || !order.only.empty();
    const ha_view ha(model, order.node);
    run->groups = grouped(model, order, [&](guest_id g, const guest_config& c) {
        if (ha.is_managed(g) && order.only.empty()) return false;
        return (everything || c.get("onboot") == "1") && !model.is_running(order.node, g);
    });
    run->launch = [&model, node = order.node, user = order.user, me = run.get()](const item& i) -> std::string {
        if (model.is_running(node, i.guest) || !model.config(node, i.guest)) return {};
        model.log_line(me->upid, fmt::format("Starting {} {}", label(i.guest), i.guest.id.number()));
        if (model.ha().is_managed(node, i.guest)) return model.ha().begin_start(node, i.guest, user);
        return model.begin_start(node, i.guest, user);
    };
    run->pause = [](const item& i) {
        return i.startup.up.value_or(i.guest.type == guest_type::vm ? pause_after_vm : duration());
    };
    run->begin("startall");
    return run->upid;
}

std::string begin_stop_all(cluster& model, bulk_order what) {
    const auto run = std::make_shared<bulk_run>(model, std::move(what));
    const bulk_order& order = run->what;
    const ha_view ha(model, order.node);
    run->groups = grouped(model, order, [&](guest_id g, const guest_config&) {
        return model.is_running(order.node, g) && !ha.is_managed(g);
    });
    std::reverse(run->groups.begin(), run->groups.end());
    run->launch = [&model, me = run.get()](const item& i) -> std::string {
        const bulk_order& o = me->what;
        if (!model.is_running(o.node, i.guest)) return {};
        const duration patience = i.startup.down.value_or(o.timeout);
        model.log_line(me->upid, fmt::format("Stopping {} {} (timeout = {} seconds)", label(i.guest),
                                             i.guest.id.number(), patience / 1s));
        return model.begin_shutdown(o.node, i.guest, o.user, patience, o.force_stop);
    };
    run->begin("stopall");
    return run->upid;
}

std::string begin_suspend_all(cluster& model, bulk_order what) {
    const auto run = std::make_shared<bulk_run>(model, std::move(what));
    const bulk_order& order = run->what;
    run->groups = grouped(model, order, [&](guest_id g, const guest_config&) {
        return g.type == guest_type::vm && model.is_running(order.node, g);
    });
    std::reverse(run->groups.begin(), run->groups.end());
    run->launch = [&model, me = run.get()](const item& i) -> std::string {
        if (!model.is_running(me->what.node, i.guest)) return {};
        model.log_line(me->upid, fmt::format("Suspending VM {}", i.guest.id.number()));
        return begin_suspend(model, me->what.node, i.guest, me->what.user);
    };
    run->begin("suspendall");
    return run->upid;
}

std::string begin_migrate_all(cluster& model, bulk_order what) {
    const auto run = std::make_shared<bulk_run>(model, std::move(what));
    const bulk_order& order = run->what;
    run->limit = order.workers;
    std::vector<item> all;
    for (auto& group : grouped(model, order, [](guest_id, const guest_config&) { return true; }))
        for (item& i : group) all.push_back(i);
    if (!all.empty()) run->groups.push_back(std::move(all));
    run->launch = [&model, me = run.get()](const item& i) -> std::string {
        const bulk_order& o = me->what;
        if (!model.config(o.node, i.guest)) return {};
        model.log_line(me->upid, fmt::format("Migrating {} {}", label(i.guest), i.guest.id.number()));
        if (model.ha().is_managed(o.node, i.guest)) return model.ha().begin_migrate(o.node, i.guest, o.user, o.target);
        migrate_order one;
        one.guest = i.guest;
        one.target = o.target;
        // A container cannot move while it runs; it is stopped and started again.
        const bool runs = model.is_running(o.node, i.guest);
        one.online = runs && i.guest.type == guest_type::vm;
        one.restart = runs && i.guest.type == guest_type::ct;
        one.with_local_disks = o.with_local_disks;
        return begin_migration(model, o.node, o.user, std::move(one));
    };
    run->begin("migrateall");
    return run->upid;
}

}  // namespace steward::sim
