#pragma once
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace steward::cli {

/// Whether nothing is there yet. Errors: exists.
[[nodiscard]] result<void> is_free(const std::string& file);
/// Writes a file that is not there yet, never over one. Errors: exists, io.
[[nodiscard]] result<void> write_new(const std::string& file, std::string_view text, unsigned mode);

}  // namespace steward::cli
