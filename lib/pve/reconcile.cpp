#include "pve/reconcile.hpp"

#include "pve/task.hpp"

#include <fmt/core.h>

namespace steward::pve {
namespace asio = boost::asio;

namespace {
constexpr std::chrono::seconds clock_slack(5);
}

namespace detail {

fault proven_lost(const fault& sent) {
    fault f(errc::not_delivered, sent.where,
            fmt::format("{}; a look afterwards says that it did not happen", sent.detail));
    f.http_status = sent.http_status;
    return f;
}

fault still_unknown(const fault& sent, const std::string& why) {
    fault f(errc::outcome_unknown, sent.where, fmt::format("{}; whether it happened: {}", sent.detail, why));
    f.http_status = sent.http_status;
    return f;
}

}  // namespace detail

look_for_task::look_for_task(api::session& pve, node_name node, std::string type, vmid guest, std::string user,
                             duration settle)
    : pve_(pve),
      node_(std::move(node)),
      type_(std::move(type)),
      guest_(guest),
      user_(std::move(user)),
      since_(pve.time().wall_now() - clock_slack),
      settled_(pve.time().now() + settle) {}

asio::awaitable<result<finding<upid>>> look_for_task::operator()() const {
    const bool is_settled = pve_.time().now() >= settled_;
    const auto rows = co_await list_tasks(pve_, node_, guest_, since_);
    if (!rows) co_return rows.error();
    for (const task_row& row : *rows)
        if (row.id.type == type_ && row.id.user == user_ && row.id.started >= since_)
            co_return finding<upid>::happened(row.id);
    if (is_settled) co_return finding<upid>::did_not_happen();
    co_return finding<upid>::cannot_tell("no such task on " + node_.str() + " yet");
}

}  // namespace steward::pve
