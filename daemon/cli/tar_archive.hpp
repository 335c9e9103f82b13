#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace steward::cli {

/// A tar archive (POSIX ustar) of small text files.
class tar_archive {
  public:
    /// `written`: the time that its files carry, in seconds since 1970.
    explicit tar_archive(std::int64_t written) : written_(written) {}
    /// `name`: at most 99 bytes.
    void add(std::string_view name, std::string_view text);
    /// The whole archive.
    [[nodiscard]] std::string finished() const;

  private:
    std::int64_t written_;
    std::string bytes_;
};

}  // namespace steward::cli
