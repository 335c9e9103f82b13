#pragma once
#include "pve/transport.hpp"

namespace steward::pve {

/// Dry run, enforced in front of every way to a cluster (design §6): while closed, no write verb passes; it answers
/// dry_run, and nothing has left the process. Closed at first.
class write_gate final : public transport {
  public:
    explicit write_gate(transport& inner) : inner_(inner) {}
    void open(bool yes) { is_open_ = yes; }
    /// Asked in front of every write, as late as can be: false means somebody else has taken over (reliability E1).
    std::function<bool()> may_act;
    [[nodiscard]] boost::asio::awaitable<result<reply>> send(request call, time_point deadline) override;
    [[nodiscard]] boost::asio::awaitable<result<reply>> stream(request call, streams with) override;

  private:
    /// Why it must not leave; nothing when it may.
    [[nodiscard]] std::optional<fault> objection(const request& call) const;
    transport& inner_;
    bool is_open_ = false;
};

}  // namespace steward::pve
