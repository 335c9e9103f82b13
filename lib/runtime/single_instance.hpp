#pragma once
#include "base/result.hpp"

#include <filesystem>

namespace steward {

/// One process per lock file: flock, with our pid and name inside for whoever comes second. Released at destruction,
/// also by the kernel when the process dies.
class single_instance {
  public:
    /// `errc::exists` names the holder: "held by stewardd, pid 4711".
    [[nodiscard]] static result<single_instance> acquire(const std::filesystem::path& lock_file);
    ~single_instance();
    single_instance(single_instance&& other) noexcept;
    single_instance& operator=(single_instance&&) = delete;

  private:
    explicit single_instance(int fd) : fd_(fd) {}
    int fd_ = -1;
};

}  // namespace steward
