#pragma once
#include <cstddef>
#include <cstdint>
#include <sys/types.h>
#include <vector>

namespace steward::bench {

/// TCP ports on 127.0.0.1 that accept and close at once, served by a child process of their own, so that what they
/// cost is not measured. The child ends with this object, and with this process whatever happens to it.
/// Create it before any thread or io_context. Throws std::system_error.
class loopback_listeners {
  public:
    explicit loopback_listeners(std::size_t how_many);
    ~loopback_listeners();
    loopback_listeners(const loopback_listeners&) = delete;
    loopback_listeners& operator=(const loopback_listeners&) = delete;
    [[nodiscard]] const std::vector<std::uint16_t>& ports() const { return ports_; }

  private:
    std::vector<std::uint16_t> ports_;
    pid_t child_ = -1;
};

}  // namespace steward::bench
