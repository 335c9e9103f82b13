#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace steward {

/// When a file was last added to, renamed in or removed from a directory, in nanoseconds; 0 for one that is missing.
/// Nothing when that was so short ago that a further change might leave the same stamp (the kernel stamps by its tick):
/// look again.
[[nodiscard]] std::optional<std::uint64_t> directory_stamp(const std::filesystem::path& directory);

}  // namespace steward
