#include "core/failover/phase.hpp"

#include <array>
#include <utility>

namespace steward::failover {
namespace {

constexpr std::array<std::pair<phase, const char*>, 25> names{{{phase::watching, "watching"},
                                                               {phase::suspect, "suspect"},
                                                               {phase::restarting, "restarting"},
                                                               {phase::confirming, "confirming"},
                                                               {phase::frozen, "frozen"},
                                                               {phase::held, "held"},
                                                               {phase::claimed, "claimed"},
                                                               {phase::stopping, "stopping"},
                                                               {phase::fencing, "fencing"},
                                                               {phase::isolating, "isolating"},
                                                               {phase::parked, "parked"},
                                                               {phase::restoring, "restoring"},
                                                               {phase::cleaning, "cleaning"},
                                                               {phase::restored, "restored"},
                                                               {phase::starting, "starting"},
                                                               {phase::verifying, "verifying"},
                                                               {phase::evacuating, "evacuating"},
                                                               {phase::failing_back, "failing_back"},
                                                               {phase::rolling_back, "rolling_back"},
                                                               {phase::done, "done"},
                                                               {phase::rolled_back, "rolled_back"},
                                                               {phase::aborted_safe, "aborted_safe"},
                                                               {phase::failed_parked, "failed_parked"},
                                                               {phase::operator_moved, "operator_moved"},
                                                               {phase::disabled, "disabled"}}};

}  // namespace

const char* name_of(phase p) noexcept {
    for (const auto& [value, name] : names)
        if (value == p) return name;
    return "watching";
}

std::optional<phase> parse_phase(std::string_view text) noexcept {
    for (const auto& [value, name] : names)
        if (text == name) return value;
    return std::nullopt;
}

bool is_in_flight(phase p) noexcept {
    switch (p) {
        case phase::claimed:
        case phase::stopping:
        case phase::fencing:
        case phase::isolating:
        case phase::parked:
        case phase::restoring:
        case phase::cleaning:
        case phase::restored:
        case phase::starting:
        case phase::verifying:
        case phase::evacuating:
        case phase::failing_back:
        case phase::rolling_back: return true;
        default: return false;
    }
}

}  // namespace steward::failover
