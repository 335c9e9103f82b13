#include "pve/ha_task.hpp"

#include "pve/api/cluster.hpp"
#include "pve/api/nodes_lxc.hpp"
#include "pve/api/nodes_qemu.hpp"
#include "pve/api/session.hpp"
#include "pve/api/start.hpp"
#include "runtime/time_source.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace steward::pve {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// The HA manager works in rounds of ten seconds.
constexpr duration look_every = 1s;
/// How far the clocks of two nodes may be apart; corosync suffers long before.
constexpr auto clock_slack = 5s;

bool carries_out(const std::string& type, const std::string& request) {
    if (request == "hastart") return type == "vzstart" || type == "qmstart";
    if (request == "hamigrate") return type == "vzmigrate" || type == "qmigrate";
    return type == "vzstop" || type == "qmstop" || type == "vzshutdown" || type == "qmshutdown";
}

/// Where a guest is and what it does, from its own node.
class whereabouts {
  public:
    node_name node;
    std::string status;  ///< "running", "stopped"; empty when its node does not say
};

class finder {
  public:
    finder(api::session& pve, upid request, vmid guest) : pve_(pve), request_(std::move(request)), guest_(guest) {}

    asio::awaitable<result<upid>> run(time_point deadline) {
        for (;;) {
            // The guest before the tasks: what made it run by now is then in a list.
            const auto seen = co_await look();
            node_name now_on = request_.node;
            if (seen) now_on = seen->node;
            auto found = co_await child(std::move(now_on));
            if (found && !found->text.empty()) co_return found;
            if (found && seen && is_done(*seen)) co_return request_;
            if (pve_.time().now() >= deadline) {
                if (!found) co_return unknown(found.error());
                if (!seen) co_return unknown(seen.error());
                co_return fault(errc::timed_out, "task " + request_.text,
                                "accepted by the HA manager, which has done nothing until the time limit");
            }
            const time_point next = std::min(pve_.time().now() + look_every, deadline);
            co_await pve_.time().sleep_until(next);
        }
    }

  private:
    [[nodiscard]] fault unknown(const fault& why) const {
        return fault(errc::outcome_unknown, "task " + request_.text, why.text());
    }

    [[nodiscard]] bool is_done(const whereabouts& seen) const {
        if (request_.type == "hastart") return seen.status == "running";
        if (request_.type == "hastop") return seen.status == "stopped";
        return seen.node != request_.node;
    }

    asio::awaitable<result<whereabouts>> look() {
        using kind = api::cluster::resources_type_choice;
        api::cluster::resources_get_request which;
        which.with_type(kind::vm);
        const auto rows = co_await api::root(pve_).cluster().resources().get(which);
        if (!rows) co_return rows.error();
        const auto row = std::find_if(rows->begin(), rows->end(), [&](const auto& r) { return r.vmid == guest_; });
        if (row == rows->end() || !row->node)
            co_return fault(errc::not_found, "pve /cluster/resources", "no guest " + to_string(guest_));
        whereabouts seen;
        seen.node = *row->node;
        const bool is_ct = row->id && row->id->starts_with("lxc/");
        // The list is up to ten seconds old (pve-facts D.2), the node itself knows.
        auto now = co_await status_at(seen.node, is_ct);
        if (!now) co_return now.error();
        seen.status = std::move(*now);
        co_return seen;
    }

    asio::awaitable<result<std::string>> status_at(node_name node, bool is_ct) {
        const auto at = api::root(pve_).nodes(node);
        if (is_ct) {
            const auto got = co_await at.lxc(guest_).status().current().get();
            co_return status_in(got);
        }
        const auto got = co_await at.qemu(guest_).status().current().get();
        co_return status_in(got);
    }

    template <class Answer>
    static result<std::string> status_in(const result<Answer>& got) {
        if (!got) return got.error();
        return got->status ? std::string(got->status->text()) : std::string();
    }

    /// The first task that carries the request out; an empty UPID when there is none yet.
    asio::awaitable<result<upid>> child(node_name now_on) {
        std::set<node_name> nodes{request_.node, now_on};
        upid first;
        for (const node_name& node : nodes) {
            const wall_time since = node == request_.node ? request_.started : request_.started - clock_slack;
            const auto rows = co_await list_tasks(pve_, node, guest_, since);
            if (!rows) co_return rows.error();
            for (const task_row& row : *rows) {
                const bool is_it = carries_out(row.id.type, request_.type) && row.id.started >= since;
                if (is_it && (first.text.empty() || row.id.started < first.started)) first = row.id;
            }
        }
        co_return first;
    }

    api::session& pve_;
    upid request_;
    vmid guest_;
};

}  // namespace

bool is_request_to_ha(const upid& task) {
    return task.type == "hastart" || task.type == "hastop" || task.type == "hamigrate";
}

asio::awaitable<result<upid>> find_ha_task(api::session& pve, upid request, time_point deadline) {
    const auto guest = parse_vmid(request.id);
    if (!guest) co_return fault(errc::garbage, "task " + request.text, "it names no guest");
    finder f(pve, std::move(request), *guest);
    auto found = co_await f.run(deadline);
    co_return found;
}

}  // namespace steward::pve
