#include "base/log.hpp"
#include "services/keeper.hpp"

#include <algorithm>
#include <fmt/core.h>

/// What is to be left alone for a while: written down, ended in time, ordered and taken back.
namespace steward {
namespace asio = boost::asio;
namespace {

constexpr const char* pauses_record = "pauses";
/// For so long after an order a cluster with nothing to do has a leader that can carry it out.
constexpr duration awake = std::chrono::seconds(60);

decision about_pause(const std::string& object, const char* verdict, std::string by, std::string text) {
    decision d;
    d.about = object;
    d.kind = "pause";
    d.verdict = verdict;
    d.by = std::move(by);
    d.text = std::move(text);
    return d;
}

}  // namespace

/// What a person has asked for outlives the daemon. Text that is none pauses everything: somebody wanted something.
void keeper::read_pauses() {
    const auto record = records_.find(pauses_record);
    if (record == records_.end()) return;
    auto all = failover::parse_pauses(record->second);
    if (all) {
        pauses_ = std::move(*all);
        (void)pauses_.expire(world_.time.wall_now());
        return;
    }
    log::error("record.unreadable", {{"record", pauses_record}, {"reason", all.error().text()}});
    failover::pause everything;
    everything.object = failover::whole_cluster;
    everything.reason = "what was paused cannot be read";
    (void)pauses_.add(std::move(everything));
}

/// `next` was made from the present ones: two changes at once would lose one.
asio::awaitable<result<void>> keeper::save_pauses(failover::pauses next) {
    if (is_saving_pauses_)
        co_return fault(errc::refused, "", "another change of the pauses is being written: try again");
    is_saving_pauses_ = true;
    std::string text = failover::to_json(next);
    const auto saved = co_await world_.store.save_record(pauses_record, text);
    is_saving_pauses_ = false;
    if (!saved) co_return saved;
    records_[pauses_record] = std::move(text);
    pauses_ = std::move(next);
    for (auto& [id, guest] : guests_) guest->post(failover::reconsider{});
    tell_nodes();
    co_return result<void>();
}

asio::awaitable<void> keeper::end_pauses() {
    failover::pauses left = pauses_;
    const std::vector<failover::pause> over = left.expire(world_.time.wall_now());
    if (over.empty() || !must_lead()) co_return;
    const auto saved = co_await save_pauses(std::move(left));
    if (!saved) {
        log::warning("pause.unwritable", {{"reason", saved.error().text()}});
        co_return;
    }
    for (const failover::pause& p : over) {
        log::info("pause.over", {{"object", p.object}, {"reason", "its time is up"}});
        note(about_pause(p.object, "over", "", "its time is up"));
    }
}

/// A cluster with nothing to do has no leader; an order wakes it.
result<void> keeper::wake() {
    if (must_lead()) return {};
    awake_until_ = world_.time.now() + awake;
    return must_lead();
}

result<void> keeper::check_pause(const failover::pause& p) const {
    if (p.object == failover::whole_cluster) return {};
    const bool is_known = std::any_of(guests_.begin(), guests_.end(),
                                      [&](const auto& g) { return failover::pause_object(g.first) == p.object; });
    if (is_known) return {};
    if (!sight_.view) return fault(errc::unavailable, "", "the cluster has not been seen yet");
    for (const auto& [name, n] : sight_.view->nodes) {
        if (failover::pause_object(name) != p.object) continue;
        if (p.kind == failover::pause_kind::maintenance && n.online != true)
            return fault(errc::refused, "",
                         fmt::format("{} is offline: its guests are being looked after; bring it back first, or pause "
                                     "its guests one by one",
                                     name.str()));
        return {};
    }
    return fault(errc::not_found, "",
                 fmt::format("there is no \"{}\" here (cluster, node/NAME, ct/ID, vm/ID)", p.object));
}

asio::awaitable<result<void>> keeper::pause(failover::pause p) {
    if (auto ready = wake(); !ready) co_return ready;
    if (auto ready = check_pause(p); !ready) co_return ready;
    p.since = world_.time.wall_now();
    if (p.until != wall_time{} && p.until <= p.since) co_return fault(errc::invalid, "", "it would be over already");
    const std::string object = p.object;
    const std::string kind = failover::name_of(p.kind);
    const std::string reason = p.reason;
    const std::string by = p.by;
    failover::pauses next = pauses_;
    if (auto added = next.add(std::move(p)); !added) co_return added;
    auto saved = co_await save_pauses(std::move(next));
    if (!saved) co_return saved;
    log::warning("pause", {{"object", object}, {"kind", kind}, {"by", by}, {"reason", reason}});
    note(about_pause(object, kind == "maintenance" ? "maintenance" : "paused", by, reason));
    co_return result<void>();
}

asio::awaitable<result<void>> keeper::resume(std::string object, std::string by) {
    if (auto ready = wake(); !ready) co_return ready;
    failover::pauses next = pauses_;
    if (!next.remove(object)) co_return fault(errc::not_found, "", object + " is not paused");
    auto saved = co_await save_pauses(std::move(next));
    if (!saved) co_return saved;
    log::warning("pause.over", {{"object", object}, {"by", by}});
    note(about_pause(object, "over", by, ""));
    co_return result<void>();
}

}  // namespace steward
