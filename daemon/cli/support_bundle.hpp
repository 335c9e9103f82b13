#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward support-bundle`: what somebody who helps wants to see, in one archive without secrets. 0 written, 1 it
/// could not be, 2 a mistake in the call.
[[nodiscard]] int support_bundle(const arguments& given);

}  // namespace steward::cli
