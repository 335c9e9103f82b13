#pragma once
#include "pve/transport.hpp"

namespace steward::pve {

/// Dry run, enforced in front of every way to a cluster (design §6): while closed, no write verb passes; it answers
/// dry_run, and nothing has left the process. Closed at first.
class write_gate final : public transport {
  public:
    explicit write_gate(transport& inner) : inner_(inner) {}
    void open(bool yes) { is_open_ = yes; }
    [[nodiscard]] boost::asio::awaitable<result<reply>> send(request call, time_point deadline) override;
    [[nodiscard]] boost::asio::awaitable<result<reply>> stream(request call, streams with) override;

  private:
    [[nodiscard]] bool holds_back(const request& call) const { return call.what != verb::get && !is_open_; }
    transport& inner_;
    bool is_open_ = false;
};

}  // namespace steward::pve
