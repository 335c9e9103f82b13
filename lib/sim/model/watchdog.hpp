#pragma once
#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace steward::sim {

/// watchdog-mux of one node (pve-facts I.1): clients on a socket keep the node alive by writing; one that falls silent
/// for 60 s, or goes without the letter V, makes the mux stop, and the hardware resets the node ten seconds later.
class watchdog_mux {
  public:
    using client = std::uint32_t;
    static constexpr duration patience = std::chrono::seconds(60);
    static constexpr duration hardware = std::chrono::seconds(10);
    static constexpr std::size_t most_clients = 100;

    /// Nothing when there are a hundred already, or when the mux has given up.
    [[nodiscard]] std::optional<client> connect(time_point now);
    void feed(client who, time_point now);
    /// With the V it is a clean disconnect; without, or when the process died, the node will be reset.
    void close(client who, bool with_v, time_point now);
    /// A booted node begins anew.
    void reboot();

    [[nodiscard]] bool is_armed() const { return !fed_.empty(); }
    /// When the node will be reset unless somebody feeds; nothing when no client is there.
    [[nodiscard]] std::optional<time_point> resets_at() const;

  private:
    client next_ = 1;
    std::map<client, time_point> fed_;
    std::optional<time_point> stopped_;  // since when /dev/watchdog is not fed any more
};

}  // namespace steward::sim
