#pragma once
#include "guard/carry_out.hpp"
#include "guard/heart.hpp"
#include "guard/lease_writer.hpp"

namespace steward::guard {

/// Answers the daemon: what the cluster's daemons share in pmxcfs (leases, the leader's lock, epochs, records, claims),
/// and whether a hand-over may be carried out now. It believes neither the daemon's clock nor its epoch (reliability
/// I11, §6.2): a change needs this node's lease fresh, the leader's lock renewed through this guard not long ago, and
/// the newest epoch. Without any epoch in the cluster a single instance works, and asks without one.
class desk {
  public:
    desk(workplace where, heart& own, const lease_ages& others, clocks time);
    desk(const desk&) = delete;
    desk& operator=(const desk&) = delete;

    [[nodiscard]] reply answer(const request& r);

  private:
    [[nodiscard]] std::optional<reply> forbidden(pve_files& files, const request& r) const;
    [[nodiscard]] std::optional<reply> not_the_leader(pve_files& files, const request& r) const;
    [[nodiscard]] std::optional<reply> not_gone(pve_files& files, const node_name& source) const;
    [[nodiscard]] reply with_files(const request& r);
    [[nodiscard]] reply list(pve_files& files, const request& r) const;
    [[nodiscard]] reply read(pve_files& files, const request& r) const;
    [[nodiscard]] reply save(pve_files& files, const request& r) const;
    [[nodiscard]] reply claim(pve_files& files, const request& r) const;
    [[nodiscard]] reply config(pve_files& files, const request& r) const;
    [[nodiscard]] reply discard(pve_files& files, const request& r) const;
    [[nodiscard]] reply lock(pve_files& files, const std::string& what);
    [[nodiscard]] reply renew_lock(pve_files& files, time_point begun);
    [[nodiscard]] bool holds_lock() const;

    workplace where_;
    heart& heart_;
    const lease_ages& others_;
    clocks time_;
    std::optional<time_point> lock_since_;  ///< before our last write to the leader's lock; nothing: it is not ours
    std::int64_t lock_stamp_ = 0;           ///< as we wrote it
};

}  // namespace steward::guard
