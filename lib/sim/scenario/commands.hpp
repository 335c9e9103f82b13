#pragma once
#include "base/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace steward::sim::scenario {

class lab;
using words = std::vector<std::string>;

/// The commands of SIM/1 that are about Steward and its operators; all others are the model's faults. Errors: `invalid`
/// when it is none, or one that this version does not know.
[[nodiscard]] result<void> carry_out(lab& where, const std::string& command);

/// "op VERB …": an operator, with PVE's own tools or with ours (operator_commands.cpp).
[[nodiscard]] result<void> operate(lab& where, const words& w);

/// What happens to processes, beside kill and stop: "spawn N.main-duplicate", "cont N.guard" (process_commands.cpp).
/// Nothing: it is no such command.
[[nodiscard]] std::optional<result<void>> handle_process(lab& where, const words& w);

/// "op gc G", "op approve-token G saved", "op use-saved-token G", "op touch lock/leader/x" (consent_commands.cpp).
/// Nothing: it is none of these.
[[nodiscard]] std::optional<result<void>> handle_consent(lab& where, const words& w);

/// `invalid`, and why.
[[nodiscard]] fault wrong(const std::string& why);

}  // namespace steward::sim::scenario
