#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward backup verify GUESTS` and `verify --cleanup`: 0 when everything that was tried works and nothing is left
/// behind; 1 when an archive does not, or a copy is left; 2 when nothing was tried; 3 when PVE could not be asked.
[[nodiscard]] int verify_main(const arguments& given);

}  // namespace steward::cli
