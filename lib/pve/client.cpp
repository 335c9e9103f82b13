#include "pve/client.hpp"

#include "pve/api/access.hpp"
#include "pve/api/cluster.hpp"
#include "pve/api/nodes_lxc.hpp"
#include "pve/api/nodes_qemu.hpp"
#include "pve/api/nodes_storage.hpp"
#include "pve/api/nodes_tasks.hpp"
#include "pve/api/session.hpp"
#include "pve/model_of.hpp"
#include "runtime/let_others_run.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve {
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// Between two pauses for others: a thousand take a third of a millisecond.
constexpr std::size_t rows_at_once = 1000;

std::int64_t seconds_of(duration d) { return std::chrono::ceil<std::chrono::seconds>(d).count(); }

/// `Answer` is lxc's or qemu's.
template <class Answer>
result<model::guest_status> status_of(const result<Answer>& got) {
    if (!got) return got.error();
    model::guest_status s;
    if (got->status) s.status = run_state_of(got->status->text());
    if constexpr (requires { got->qmpstatus; }) s.detail = got->qmpstatus.value_or("");
    s.lock = got->lock.value_or("");
    s.uptime = std::chrono::seconds(got->uptime.value_or(0));
    if (got->ha) s.ha_managed = is_managed_by_ha(*got->ha);
    return s;
}

/// A filtered list looks like an empty one (pve-facts M12): missing is not stopped.
template <class Row>
result<model::run_state> state_in(const result<std::vector<Row>>& list, vmid id) {
    if (!list) return list.error();
    for (const Row& row : *list)
        if (row.vmid == id && row.status) return run_state_of(row.status->text());
    return model::run_state::unknown;
}

template <class Answer>
result<model::guest_config> config_in(const result<Answer>& got) {
    if (!got) return got.error();
    return config_of(Answer::fields(), &*got, got->extra);
}

}  // namespace

client::client(transport& wire, time_source& time, duration request_limit) : session_(wire, time, request_limit) {}

asio::awaitable<result<model::cluster_view>> client::look(scope of) {
    if (!session_.version().is_known()) {
        const auto version = co_await session_.learn_version();
        if (!version) co_return version.error();
    }
    model::cluster_view view;
    const auto status = co_await api::root(session_).cluster().status().get();
    if (!status) co_return status.error();
    const auto status_read = read_status(*status, view);
    if (!status_read) co_return status_read.error();
    is_elsewhere_ = !expected_cluster_.empty() && view.cluster_name != expected_cluster_;
    if (is_elsewhere_)
        co_return fault(
            errc::refused, "pve /cluster/status",
            fmt::format("this is cluster \"{}\", the configuration says \"{}\"", view.cluster_name, expected_cluster_));
    api::cluster::resources_get_request wanted;
    if (of == scope::guests) wanted.type = api::cluster::resources_type_choice::vm;
    const auto resources = co_await api::root(session_).cluster().resources().get(wanted);
    if (!resources) co_return resources.error();
    std::size_t read = 0;
    for (const auto& row : *resources) {
        read_resource(row, view);
        if (++read % rows_at_once == 0) co_await let_others_run();
    }
    view.taken = time().wall_now();
    co_return view;
}

asio::awaitable<result<std::map<node_name, duration>>> client::node_uptimes() {
    api::cluster::resources_get_request wanted;
    wanted.type = api::cluster::resources_type_choice::node;
    const auto rows = co_await api::root(session_).cluster().resources().get(wanted);
    if (!rows) co_return rows.error();
    std::map<node_name, duration> up;
    for (const auto& row : *rows)
        if (row.node && row.uptime.value_or(0) > 0) up[*row.node] = std::chrono::seconds(*row.uptime);
    co_return up;
}

asio::awaitable<result<model::guest_status>> client::guest_status(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) {
        const auto got = co_await at.lxc(guest.id).status().current().get();
        co_return status_of(got);
    }
    const auto got = co_await at.qemu(guest.id).status().current().get();
    co_return status_of(got);
}

asio::awaitable<result<model::run_state>> client::listed_state(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) {
        const auto list = co_await at.lxc().get();
        co_return state_in(list, guest.id);
    }
    const auto list = co_await at.qemu().get();
    co_return state_in(list, guest.id);
}

asio::awaitable<result<model::guest_config>> client::guest_config(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) {
        const auto got = co_await at.lxc(guest.id).config().get();
        co_return config_in(got);
    }
    const auto got = co_await at.qemu(guest.id).config().get();
    co_return config_in(got);
}

asio::awaitable<result<std::set<std::string>>> client::privileges(std::string acl_path) {
    api::access::permissions_get_request which;
    which.path = acl_path;
    const auto got = co_await api::root(session_).access().permissions().get(which);
    if (!got) co_return got.error();
    if (!got->value().is_object()) co_return fault(errc::garbage, "pve /access/permissions", "not an object");
    std::set<std::string> held;
    const json::value* here = got->value().get_object().if_contains(acl_path);
    if (here && here->is_object())
        for (const auto& [privilege, propagate] : here->get_object()) held.emplace(std::string_view(privilege));
    co_return held;
}

std::set<std::string> held_rights::on(const std::string& acl_path) const {
    std::set<std::string> held;
    std::string path = acl_path;
    for (bool is_itself = true;; is_itself = false) {
        if (const auto found = listed.find(path); found != listed.end()) {
            for (const auto& [privilege, is_handed_down] : found->second)
                if (is_itself || is_handed_down) held.insert(privilege);
            return held;
        }
        if (path.size() <= 1) return held;
        path.resize(std::max<std::size_t>(path.rfind('/'), 1));
    }
}

asio::awaitable<result<held_rights>> client::all_privileges() {
    const auto got = co_await api::root(session_).access().permissions().get();
    if (!got) co_return got.error();
    if (!got->value().is_object()) co_return fault(errc::garbage, "pve /access/permissions", "not an object");
    held_rights all;
    for (const auto& [path, held] : got->value().get_object()) {
        auto& here = all.listed[std::string(path)];
        if (!held.is_object()) continue;
        for (const auto& [privilege, flag] : held.get_object())
            here[std::string(privilege)] =
                (flag.is_int64() && flag.get_int64() != 0) || (flag.is_string() && flag == "1");
    }
    co_return all;
}

asio::awaitable<result<std::vector<model::backup>>> client::backups(node_name node, storage_id storage,
                                                                    guest_id guest) {
    api::nodes_storage::content_get_request which;
    which.content = "backup";
    which.vmid = guest.id;
    const auto rows = co_await api::root(session_).nodes(node).storage(storage).content().get(which);
    if (!rows) co_return rows.error();
    std::vector<model::backup> own = backups_of(*rows);
    own.erase(std::remove_if(own.begin(), own.end(), [&](const model::backup& b) { return b.guest != guest; }),
              own.end());
    co_return own;
}

asio::awaitable<result<std::vector<model::backup>>> client::all_backups(node_name node, storage_id storage) {
    api::nodes_storage::content_get_request which;
    which.content = "backup";
    const auto rows = co_await api::root(session_).nodes(node).storage(storage).content().get(which);
    if (!rows) co_return rows.error();
    co_return backups_of(*rows);
}

asio::awaitable<result<model::guest_config>> client::archived_config(node_name node, volid archive) {
    const api::nodes::vzdump_extractconfig_get_request which(archive.str());
    const auto text = co_await api::root(session_).nodes(node).vzdump().extractconfig().get(which);
    if (!text) co_return text.error();
    co_return parse_config_text(*text);
}

asio::awaitable<result<upid>> client::start(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) return at.lxc(guest.id).status().start().create();
    return at.qemu(guest.id).status().start().create();
}

asio::awaitable<result<upid>> client::stop(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) return at.lxc(guest.id).status().stop().create();
    return at.qemu(guest.id).status().stop().create();
}

asio::awaitable<result<upid>> client::migrate(node_name node, guest_id guest, node_name target) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) {
        api::nodes_lxc::migrate_create_request order(std::move(target));
        order.with_restart(true);
        return at.lxc(guest.id).migrate().create(order);
    }
    api::nodes_qemu::migrate_create_request order(std::move(target));
    order.with_online(true).with_with_local_disks(true);
    return at.qemu(guest.id).migrate().create(order);
}

asio::awaitable<result<upid>> client::back_up(node_name node, guest_id guest, storage_id storage) {
    api::nodes::vzdump_create_request order;
    order.with_vmid({guest.id}).with_storage(std::move(storage));
    order.with_mode(api::nodes::vzdump_mode_choice::snapshot).with_compress(api::nodes::compress_choice::zstd);
    return api::root(session_).nodes(node).vzdump().create(order);
}

asio::awaitable<result<upid>> client::back_up(backup_order wish) {
    using mode_choice = api::nodes::vzdump_mode_choice;
    api::nodes::vzdump_create_request order;
    order.with_vmid({wish.guest.id}).with_storage(std::move(wish.storage)).with_remove(false);
    order.with_mode(wish.mode == "stop"      ? mode_choice::stop
                    : wish.mode == "suspend" ? mode_choice::suspend
                                             : mode_choice::snapshot);
    order.with_compress(api::nodes::compress_choice::zstd);
    if (!wish.notes.empty()) order.with_notes_template(std::move(wish.notes));
    if (wish.is_protected) order.with_protected(true);
    return api::root(session_).nodes(wish.node).vzdump().create(order);
}

asio::awaitable<result<void>> client::stamp_archive(node_name node, volid archive, model::archive_stamp stamp) {
    const auto at = api::root(session_).nodes(node).storage(storage_of(archive)).content(archive.str());
    const auto now = co_await at.get();
    if (!now) co_return now.error();
    const std::string before = now->notes.value_or("");
    api::nodes_storage::content_item_set_request change;
    change.with_notes(model::with_stamp(before, stamp));
    const auto done = co_await at.set(change);
    if (!done) co_return done.error();
    co_return result<void>();
}

asio::awaitable<result<std::optional<upid>>> client::delete_archive(node_name node, volid archive) {
    const auto storage = api::root(session_).nodes(node).storage(storage_of(archive));
    return storage.content(archive.str()).remove();
}

asio::awaitable<result<vmid>> client::free_vmid() {
    const auto number = co_await api::root(session_).cluster().nextid().get();
    if (!number) co_return number.error();
    co_return vmid(static_cast<std::uint32_t>(*number));
}

asio::awaitable<result<upid>> client::shutdown(node_name node, guest_id guest, duration limit) {
    const auto at = api::root(session_).nodes(node);
    const std::int64_t seconds = seconds_of(limit);
    if (guest.type == guest_type::ct) {
        api::nodes_lxc::status_shutdown_create_request how;
        return at.lxc(guest.id).status().shutdown(how.with_timeout(seconds).with_force_stop(true));
    }
    api::nodes_qemu::status_shutdown_create_request how;
    return at.qemu(guest.id).status().shutdown(how.with_timeout(seconds).with_force_stop(true));
}

asio::awaitable<result<upid>> client::restore(restore_order order) {
    const auto at = api::root(session_).nodes(order.target);
    if (order.guest.type == guest_type::ct) {
        api::nodes_lxc::create_request what(order.guest.id, order.archive.str());
        what.with_restore(true).with_tags(order.tags);
        if (!order.storage.empty()) what.with_storage(order.storage);
        if (order.is_copy) what.with_unique(true);
        return at.lxc().create(what);
    }
    api::nodes_qemu::create_request what(order.guest.id);
    what.with_archive(order.archive.str()).with_tags(order.tags);
    if (!order.storage.empty()) what.with_storage(order.storage);
    if (order.is_copy) what.with_unique(true);
    return at.qemu().create(what);
}

asio::awaitable<result<upid>> client::destroy(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) return at.lxc(guest.id).remove();
    return at.qemu(guest.id).remove();
}

namespace {

/// The same change for both kinds of guests: their devices have types of their own, and equal names.
template <class Change, class Nets>
Change without_links(Nets nets) {
    Change change;
    for (auto& [number, net] : nets) net.link_down = true;
    change.net = std::move(nets);
    change.with_onboot(false).with_protection(false);
    return change;
}

}  // namespace

asio::awaitable<result<void>> client::cut_off(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) {
        auto now = co_await at.lxc(guest.id).config().get();
        if (!now) co_return now.error();
        const auto change = without_links<api::nodes_lxc::config_set_request>(std::move(now->net));
        auto done = co_await at.lxc(guest.id).config().set(change);
        co_return done;
    }
    auto now = co_await at.qemu(guest.id).config().get();
    if (!now) co_return now.error();
    const auto change = without_links<api::nodes_qemu::config_set_request>(std::move(now->net));
    auto done = co_await at.qemu(guest.id).config().set(change);
    co_return done;
}

asio::awaitable<result<void>> client::ask_inside(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) {
        const auto rows = co_await at.lxc(guest.id).interfaces().get();
        if (!rows) co_return rows.error();
        if (rows->empty()) co_return fault(errc::refused, to_string(guest), "has no network interface at all yet");
        co_return result<void>();
    }
    const auto pong = co_await at.qemu(guest.id).agent().ping().create();
    if (!pong) co_return pong.error();
    co_return result<void>();
}

asio::awaitable<result<std::vector<model::disk>>> client::disks(node_name node, storage_id storage, guest_id guest) {
    api::nodes_storage::content_get_request which;
    which.content = guest.type == guest_type::ct ? "rootdir" : "images";
    which.vmid = guest.id;
    const auto rows = co_await api::root(session_).nodes(node).storage(storage).content().get(which);
    if (!rows) co_return rows.error();
    std::vector<model::disk> all;
    for (const api::nodes_storage::content_get_row& row : *rows)
        if (row.volid && row.vmid == guest.id)
            all.push_back({*row.volid, wall_time(std::chrono::seconds(row.ctime.value_or(0)))});
    co_return all;
}

asio::awaitable<result<upid>> client::free_disk(node_name node, volid disk) {
    const auto at = api::root(session_).nodes(node).storage(storage_of(disk)).content(disk);
    const auto task = co_await at.remove();
    if (!task) co_return task.error();
    if (!*task) co_return fault(errc::garbage, "pve free " + disk.str(), "no task is named");
    co_return **task;
}

asio::awaitable<result<task_state>> client::task_status(upid task) { return read_task(session_, std::move(task)); }

asio::awaitable<result<void>> client::stop_task(upid task) {
    return api::root(session_).nodes(task.node).tasks(task).remove();
}

asio::awaitable<result<std::vector<task_row>>> client::tasks_of(node_name node, vmid id) {
    return list_tasks(session_, std::move(node), id);
}

asio::awaitable<result<std::vector<task_row>>> client::restores_on(node_name node) {
    return list_restores(session_, std::move(node));
}

}  // namespace steward::pve
