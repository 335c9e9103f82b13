#include "sim/scenario/lab.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

/// What daemons keep an account of, and the programs that they run.
namespace steward::sim::scenario {

model_hooks::mood lab::see_hook(const node_name& node, const hook_call& call) {
    const std::string point = told(call, "HOOK");
    const auto guest = parse_guest_id(told(call, "GUEST"));
    happening h(time_.now() - zero_, sight::hook);
    h.guest = guest ? short_name(*guest) : "?";
    h.node = node.str();
    h.name = point;
    h.text = told(call, "ID");
    watcher_.note(std::move(h));
    if (hook_crashes_.erase(point) != 0) kill_daemon(node);
    const auto mood = hook_moods_.find(point);
    return mood == hook_moods_.end() ? model_hooks::mood::works : mood->second;
}

void lab::compare_books() {
    for (const auto& [node, book] : books_) {
        if (book.has_forgotten()) continue;
        const auto told =
            std::count_if(book.all().begin(), book.all().end(), [](const decision& d) { return d.from != d.to; });
        const std::size_t made = transitions_[node];
        if (std::cmp_not_equal(told, made))
            note_of(sight::broken, node, "ledger",
                    fmt::format("{} transitions were made, and {} stand in the ledger", made, told));
    }
}

}  // namespace steward::sim::scenario
