#pragma once
#include "guard/pve_files.hpp"

#include <filesystem>

namespace steward::guard {

/// One connection to watchdog-mux (reliability P11): any byte feeds it, sixty seconds without one or a close without
/// 'V' reset the node. Nothing here waits or allocates.
class watchdog_client {
  public:
    /// `path` is "/run/watchdog-mux.sock". Not fed yet.
    [[nodiscard]] static result<watchdog_client> connect(const std::filesystem::path& path);

    /// False when it could not be fed: the mux is gone, and with it what was promised.
    [[nodiscard]] bool feed() const;
    [[nodiscard]] bool is_alive() const;
    /// Ends the promise without a reset. Without this the end of the process resets the node.
    void close_cleanly();

  private:
    explicit watchdog_client(descriptor socket) : socket_(std::move(socket)) {}
    descriptor socket_;
};

}  // namespace steward::guard
