#include "base/log.hpp"
#include "services/backup/trial.hpp"
#include "services/keeper.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

/// Guests that selectors of the configuration choose: found with each look at the cluster, without a reload.
namespace steward {
namespace {

/// Who is managed, and why: what a look at the cluster can change.
std::vector<std::pair<guest_id, std::string>> choice_in(const config::settings& s) {
    std::vector<std::pair<guest_id, std::string>> all;
    for (const config::guest& g : s.guests) all.emplace_back(g.id, g.section);
    return all;
}

bool is_named(const config::settings& by, guest_id guest) {
    return std::any_of(by.guests.begin(), by.guests.end(), [&](const config::guest& g) { return g.id.id == guest.id; });
}

bool must_go_on(const failover::record& r) {
    return failover::is_in_flight(r.at) || r.at == failover::phase::failed_parked || failover::is_parked(r);
}

}  // namespace

/// Of a guest whose node is away PVE may not know the name: whether a selector means it cannot be told then.
bool keeper::is_sure_of(const model::guest_row& row) const {
    const auto node = sight_.view->nodes.find(row.node);
    return node != sight_.view->nodes.end() && node->second.online == true && row.status != model::run_state::unknown &&
           !row.name.empty();
}

/// One that was chosen before and cannot be judged now: nothing speaks against it, so it stays. A hand-over is not
/// dropped because the guest is on its way. What PVE no longer lists and nothing is done for goes with the next
/// configuration.
std::optional<config::guest> keeper::chosen_anyway(guest_id guest, const chosen_before& before,
                                                   const config::settings& by) const {
    const auto same = std::find_if(by.sections.begin(), by.sections.end(),
                                   [&](const config::guest_section& s) { return s.text == before.section; });
    if (same == by.sections.end() || is_named(by, guest)) return std::nullopt;
    const model::guest_row* row = sight_.view ? sight_.view->find(guest) : nullptr;
    const bool is_reused = sight_.view && std::any_of(sight_.view->guests.begin(), sight_.view->guests.end(),
                                                      [&](const auto& g) { return g.first.id == guest.id; });
    const bool is_listed = row != nullptr || (listed_.count(guest) != 0 && !is_reused);
    if ((sight_.view && !before.is_busy && !is_listed) || (row != nullptr && is_sure_of(*row))) return std::nullopt;
    config::guest kept = same->rules;
    kept.id = guest;
    return kept;
}

void keeper::add_chosen(config::settings& into) const {
    if (into.sections.empty()) return;
    std::map<guest_id, config::guest> chosen;
    std::map<guest_id, chosen_before> before = sections_;
    for (const auto& [id, guest] : guests_) before[id] = {guest->settings().section, must_go_on(guest->state().saved)};
    for (const auto& [id, how] : before)
        if (auto kept = chosen_anyway(id, how, into)) chosen[id] = std::move(*kept);
    if (sight_.view)
        for (const auto& [id, row] : sight_.view->guests) {
            if (!is_sure_of(row) || is_named(into, id) || backup::is_trial_copy(row)) continue;
            if (auto rules = config::rules_for(into, row)) chosen[id] = std::move(*rules);
        }
    for (auto& [id, guest] : chosen) into.guests.push_back(std::move(guest));
    std::sort(into.guests.begin(), into.guests.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
}

void keeper::follow_sections() {
    if (settings_.sections.empty() || !sight_.view) return;
    for (const auto& [id, row] : sight_.view->guests) listed_.insert(id);
    config::settings next = settings_;
    std::erase_if(next.guests, [](const config::guest& g) { return !g.section.empty(); });
    add_chosen(next);
    if (choice_in(next) == choice_in(settings_)) return;
    for (const config::guest& g : next.guests) {
        const guest_keeper* known = find(g.id);
        if (!g.section.empty() && (known == nullptr || known->settings().section != g.section))
            log::info("guest.chosen", {{"guest", to_string(g.id)}, {"section", g.section}});
    }
    use(std::move(next));
}

void keeper::remember_sections() {
    sections_.clear();
    for (const auto& [name, text] : records_) {
        if (!name.starts_with("guest.") || name.ends_with(".unreadable")) continue;
        const auto saved = failover::parse_record(text);
        if (saved && !saved->section.empty()) sections_[saved->guest] = {saved->section, must_go_on(*saved)};
    }
}

result<std::vector<guest_id>> keeper::chosen(const model::selector& which) const {
    model::cluster_view ours;
    for (const auto& [id, guest] : guests_) {
        const model::guest_row* row = sight_.view ? sight_.view->find(id) : nullptr;
        // Of one that is not listed only its number is left to choose it by.
        model::guest_row unseen;
        unseen.id = id;
        ours.guests[id] = row != nullptr ? *row : unseen;
    }
    if (const std::string idle = which.idle_word(ours); !idle.empty())
        return fault(errc::not_found, "", fmt::format("\"{}\" speaks of no guest that this daemon looks after", idle));
    std::vector<guest_id> all;
    for (const auto& [id, row] : ours.guests)
        if (which.selects(row)) all.push_back(id);
    if (all.empty()) return fault(errc::not_found, "", "no guest of this daemon is chosen");
    return all;
}

}  // namespace steward
