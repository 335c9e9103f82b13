#pragma once
#include "net/probe.hpp"

#include <memory>
#include <string>
#include <vector>

namespace steward {

/// A program that answers for the guest, in the manner of Nagios plugins.
class exec_check {
  public:
    std::vector<std::string> argv;  ///< absolute path and its arguments; no shell
    std::string user;               ///< name or number; empty: our own
    std::string group;              ///< empty: that of the user
    duration timeout = std::chrono::seconds(3);
    bool is_explained = false;
};

/// Exit status 0: healthy; 1: healthy with the output as warning; 2: unhealthy. Anything else, a signal, the time limit
/// or a program that cannot be started: unknown.
[[nodiscard]] std::unique_ptr<net::prober> make_prober(exec_check check, time_source& time);

}  // namespace steward
