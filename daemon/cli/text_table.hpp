#pragma once
#include <string>
#include <vector>

namespace steward::cli {

/// Columns as wide as their widest cell; the last one as it comes.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace steward::cli
