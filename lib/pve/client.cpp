#include "pve/client.hpp"

#include "pve/decode.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve {
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

std::string guest_path(const node_name& node, guest_id guest, std::string_view rest) {
    return fmt::format("/nodes/{}/{}/{}{}", percent_encode(node.str()), api_word(guest.type), guest.id.number(), rest);
}

std::string task_path(const upid& task, std::string_view rest) {
    return fmt::format("/nodes/{}/tasks/{}{}", percent_encode(task.node.str()), percent_encode(task.text), rest);
}

std::string seconds_text(duration d) { return std::to_string(std::chrono::ceil<std::chrono::seconds>(d).count()); }

result<task_row> read_task_row(const json::object& row) {
    const auto id = parse_upid(text_of(row, "upid"));
    if (!id) return id.error();
    task_row t;
    t.id = *id;
    t.exit_text = text_of(row, "status");
    t.running = t.exit_text == "RUNNING" || (t.exit_text.empty() && !row.contains("endtime"));
    if (t.running) t.exit_text.clear();
    return t;
}

}  // namespace

client::client(transport& wire, time_source& time, duration request_limit)
    : wire_(wire), time_(time), limit_(request_limit) {}

asio::awaitable<result<reply>> client::ask(request what) {
    auto got = co_await wire_.send(std::move(what), time_.now() + limit_);
    co_return got;
}

asio::awaitable<result<upid>> client::ask_for_task(request what) {
    const request call = what;
    const auto got = co_await ask(std::move(what));
    if (!got) co_return got.error();
    const auto data = data_of(*got, call);
    if (!data) co_return data.error();
    if (!data->is_string())
        co_return fault(errc::outcome_unknown, "pve " + call.path, "the answer to a write names no task");
    const auto task = parse_upid(std::string_view(data->get_string()));
    if (!task) co_return fault(errc::outcome_unknown, "pve " + call.path, task.error().detail);
    co_return *task;
}

asio::awaitable<result<model::cluster_view>> client::look() {
    model::cluster_view view;
    const request status(verb::get, "/cluster/status");
    const auto status_reply = co_await ask(status);
    if (!status_reply) co_return status_reply.error();
    const auto status_data = data_of(*status_reply, status);
    if (!status_data) co_return status_data.error();
    const auto status_read = read_status(*status_data, view);
    if (!status_read) co_return status_read.error();
    if (!expected_cluster_.empty() && view.cluster_name != expected_cluster_)
        co_return fault(
            errc::refused, "pve /cluster/status",
            fmt::format("this is cluster \"{}\", the configuration says \"{}\"", view.cluster_name, expected_cluster_));

    const request resources(verb::get, "/cluster/resources");
    const auto resources_reply = co_await ask(resources);
    if (!resources_reply) co_return resources_reply.error();
    const auto resources_data = data_of(*resources_reply, resources);
    if (!resources_data) co_return resources_data.error();
    const auto resources_read = read_resources(*resources_data, view);
    if (!resources_read) co_return resources_read.error();
    view.taken = time_.wall_now();
    co_return view;
}

asio::awaitable<result<model::guest_status>> client::guest_status(node_name node, guest_id guest) {
    const request what(verb::get, guest_path(node, guest, "/status/current"));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    co_return read_guest_status(*data);
}

asio::awaitable<result<model::run_state>> client::listed_state(node_name node, guest_id guest) {
    const request what(verb::get, fmt::format("/nodes/{}/{}", percent_encode(node.str()), api_word(guest.type)));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    if (!data->is_array()) co_return fault(errc::garbage, "pve " + what.path, "not a list");
    for (const json::value& row : data->get_array()) {
        if (!row.is_object() || number_of(row.get_object(), "vmid") != guest.id.number()) continue;
        const auto status = read_guest_status(row);
        if (!status) co_return status.error();
        co_return status->status;
    }
    // A filtered list looks like an empty one (pve-facts M12): missing is not stopped.
    co_return model::run_state::unknown;
}

asio::awaitable<result<model::guest_config>> client::guest_config(node_name node, guest_id guest) {
    const request what(verb::get, guest_path(node, guest, "/config"));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    co_return read_guest_config(*data);
}

asio::awaitable<result<std::set<std::string>>> client::privileges(std::string acl_path) {
    parameters params{{"path", acl_path}};
    const request what(verb::get, "/access/permissions", std::move(params));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    if (!data->is_object()) co_return fault(errc::garbage, "pve /access/permissions", "not an object");
    std::set<std::string> held;
    const json::value* here = data->get_object().if_contains(acl_path);
    if (here && here->is_object())
        for (const auto& [privilege, propagate] : here->get_object()) held.emplace(std::string_view(privilege));
    co_return held;
}

asio::awaitable<result<std::vector<model::backup>>> client::backups(node_name node, storage_id storage,
                                                                    guest_id guest) {
    parameters params{{"content", "backup"}, {"vmid", to_string(guest.id)}};
    const request what(
        verb::get,
        fmt::format("/nodes/{}/storage/{}/content", percent_encode(node.str()), percent_encode(storage.str())),
        std::move(params));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    auto all = read_backups(*data);
    if (!all) co_return all.error();
    std::vector<model::backup> own;
    for (model::backup& b : *all)
        if (b.guest == guest) own.push_back(std::move(b));
    co_return own;
}

asio::awaitable<result<model::guest_config>> client::archived_config(node_name node, volid archive) {
    parameters params{{"volume", archive.str()}};
    const request what(verb::get, fmt::format("/nodes/{}/vzdump/extractconfig", percent_encode(node.str())),
                       std::move(params));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    if (!data->is_string()) co_return fault(errc::garbage, "pve " + what.path, "not a text");
    co_return parse_config_text(std::string_view(data->get_string()));
}

asio::awaitable<result<upid>> client::start(node_name node, guest_id guest) {
    request what(verb::create, guest_path(node, guest, "/status/start"));
    auto task = co_await ask_for_task(std::move(what));
    co_return task;
}

asio::awaitable<result<upid>> client::stop(node_name node, guest_id guest) {
    request what(verb::create, guest_path(node, guest, "/status/stop"));
    auto task = co_await ask_for_task(std::move(what));
    co_return task;
}

asio::awaitable<result<upid>> client::shutdown(node_name node, guest_id guest, duration limit) {
    parameters params{{"timeout", seconds_text(limit)}, {"forceStop", "1"}};
    request what(verb::create, guest_path(node, guest, "/status/shutdown"), std::move(params));
    auto task = co_await ask_for_task(std::move(what));
    co_return task;
}

asio::awaitable<result<upid>> client::restore(restore_order order) {
    const bool is_ct = order.guest.type == guest_type::ct;
    parameters params{{"vmid", to_string(order.guest.id)}};
    if (is_ct) {
        params.emplace_back("ostemplate", order.archive.str());
        params.emplace_back("restore", "1");
    } else {
        params.emplace_back("archive", order.archive.str());
    }
    if (!order.storage.empty()) params.emplace_back("storage", order.storage.str());
    std::string tags;
    for (const std::string& t : order.tags) tags += (tags.empty() ? "" : ";") + t;
    if (!tags.empty()) params.emplace_back("tags", tags);
    request what(verb::create,
                 fmt::format("/nodes/{}/{}", percent_encode(order.target.str()), api_word(order.guest.type)),
                 std::move(params));
    auto task = co_await ask_for_task(std::move(what));
    co_return task;
}

asio::awaitable<result<upid>> client::destroy(node_name node, guest_id guest) {
    request what(verb::remove, guest_path(node, guest, ""));
    auto task = co_await ask_for_task(std::move(what));
    co_return task;
}

asio::awaitable<result<task_state>> client::task_status(upid task) {
    const request what(verb::get, task_path(task, "/status"));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    if (!data->is_object()) co_return fault(errc::garbage, "pve " + what.path, "not an object");
    const json::object& row = data->get_object();
    task_state state;
    const std::string word = text_of(row, "status");
    if (word != "running" && word != "stopped") co_return fault(errc::garbage, "pve " + what.path, "no task status");
    state.running = word == "running";
    state.exit_text = text_of(row, "exitstatus");
    co_return state;
}

asio::awaitable<result<std::vector<std::string>>> client::task_log(upid task, std::size_t skip) {
    parameters params{{"start", std::to_string(skip)}, {"limit", "500"}};
    const request what(verb::get, task_path(task, "/log"), std::move(params));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    if (!data->is_array()) co_return fault(errc::garbage, "pve " + what.path, "not a list");
    std::vector<std::string> lines;
    for (const json::value& row : data->get_array()) {
        if (!row.is_object()) continue;
        std::string line = text_of(row.get_object(), "t");
        if (line != "no content") lines.push_back(std::move(line));
    }
    co_return lines;
}

asio::awaitable<result<void>> client::stop_task(upid task) {
    const request what(verb::remove, task_path(task, ""));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    co_return result<void>();
}

asio::awaitable<result<std::vector<task_row>>> client::tasks_of(node_name node, vmid id) {
    parameters params{{"vmid", to_string(id)}, {"source", "all"}, {"limit", "50"}};
    const request what(verb::get, fmt::format("/nodes/{}/tasks", percent_encode(node.str())), std::move(params));
    const auto got = co_await ask(what);
    if (!got) co_return got.error();
    const auto data = data_of(*got, what);
    if (!data) co_return data.error();
    if (!data->is_array()) co_return fault(errc::garbage, "pve " + what.path, "not a list");
    std::vector<task_row> rows;
    for (const json::value& v : data->get_array()) {
        if (!v.is_object()) co_return fault(errc::garbage, "pve " + what.path, "a row is not an object");
        auto row = read_task_row(v.get_object());
        if (!row) co_return row.error();
        rows.push_back(std::move(*row));
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const task_row& a, const task_row& b) { return a.id.started > b.id.started; });
    co_return rows;
}

}  // namespace steward::pve
