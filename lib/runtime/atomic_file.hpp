#pragma once
#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace steward {

/// Whole content, at most `limit` bytes (`errc::invalid` above, `not_found` when missing). Blocks: small local files.
[[nodiscard]] result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

/// Temporary file beside it, fsync, rename, fsync of the directory: after a crash the old or the new content is
/// there, never a mixture. Mode 0600.
[[nodiscard]] result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// A token or password: refused with `errc::invalid` when group or others may read it (design §6). One trailing
/// newline is dropped.
[[nodiscard]] result<std::string> read_secret_file(const std::filesystem::path& path);

}  // namespace steward
