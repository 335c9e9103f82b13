#pragma once
#include "base/decision.hpp"
#include "core/failover/machine.hpp"

#include <optional>

namespace steward::failover {

/// What one step of the machine decided, for the ledger: pure, like the step itself. Nothing when it decided nothing
/// (one more answer of a check, time that passed).
[[nodiscard]] std::optional<decision> decision_of(const state& before, const event& what, const surroundings& around,
                                                  const step& next);

/// The same without an event: the driver itself holds a guest (`journal_unwritable`, `quorum`, `record_corrupt`).
[[nodiscard]] decision hold_decision(const state& before, const state& held, wall_time now);

/// "restore n1 → n2, n3 from nas:backup/…", or "no_backup: …; not n2: …", with each rejection as a gate.
void add_plan(decision& to, const std::variant<plan, refusal>& answer);

}  // namespace steward::failover
