#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward check-config [FILE]`: 0 when it is good, 1 when not, with each problem and its place on standard error.
[[nodiscard]] int check_config(const arguments& given);
/// `steward completion bash|zsh|fish`
[[nodiscard]] int print_completion(const arguments& given);
/// `steward man [COMMAND]`, or all pages into a directory.
[[nodiscard]] int print_man(const arguments& given);

}  // namespace steward::cli
