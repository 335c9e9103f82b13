#include "config/settings.hpp"

#include <algorithm>

namespace steward::config {

std::optional<guest> rules_for(const settings& all, const model::guest_row& row) {
    for (const guest& own : all.guests)
        if (own.id == row.id && own.section.empty()) return own;
    if (row.is_template) return std::nullopt;
    const auto first = std::find_if(all.sections.begin(), all.sections.end(),
                                    [&](const guest_section& s) { return s.which.selects(row); });
    if (first == all.sections.end()) return std::nullopt;
    guest chosen = first->rules;
    chosen.id = row.id;
    chosen.section = first->text;
    return chosen;
}

}  // namespace steward::config
