#pragma once
#include "base/guard_frames.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace steward {

/// A named text of at most 4 KiB; what is inside is the owner's business.
class stored_record {
  public:
    stored_record(std::string n, std::string t) : name(std::move(n)), text(std::move(t)) {}
    std::string name;  ///< "guest.101"
    std::string text;
};

/// Where decisions are written down before they are carried out, and how configurations change hands.
/// Backends: a plain directory plus the guard (one instance), pmxcfs through the guard, the simulator's model.
class cluster_store {
  public:
    virtual ~cluster_store() = default;

    [[nodiscard]] virtual boost::asio::awaitable<result<std::vector<stored_record>>> load_records() = 0;
    /// Durable when it returns ok; replaces atomically. Names are [a-z0-9.-], texts at most 4096 bytes.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> save_record(std::string name, std::string text) = 0;

    /// Takes `name` for ever, once: true the first time it is asked, false when somebody already has it (mkdir).
    [[nodiscard]] virtual boost::asio::awaitable<result<bool>> claim(std::string name) = 0;

    /// Whether park, unpark and relocate can be asked at all right now (the guard answers); asked before anything is
    /// stopped. Errors: unavailable.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> check_parking() = 0;

    /// Locks and parks a configuration: the commit point of a hand-over (reliability §1.3). Repeating a park that
    /// already happened returns the same path. Errors: changed (digest differs: nothing done), locked, not_found,
    /// no_quorum, outcome_unknown (look again), unavailable (no guard).
    [[nodiscard]] virtual boost::asio::awaitable<result<std::string>> park(guard::request what) = 0;
    /// Puts it back byte for byte. Repeating is fine. `exists` when the vmid was taken meanwhile.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> unpark(guard::request what) = 0;
    /// Every parked configuration: its file's name ("101.n2.g7.conf") and its text.
    [[nodiscard]] virtual boost::asio::awaitable<result<std::vector<stored_record>>> load_parked() = 0;
    /// Removes one parked configuration for ever. Errors: not_found.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> discard(guard::request what) = 0;
    /// Takes the lock `create` off what a killed restore of this hand-over left on the target, so that PVE can remove
    /// it. Errors: changed, locked (another lock), refused (it is not that), exists, not_found, as for park.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> unlock(guard::request what) = 0;
    /// Renames a configuration to another node: for guests whose disks are all on shared storage.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> relocate(guard::request what) = 0;
};

}  // namespace steward
