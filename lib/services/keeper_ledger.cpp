#include "observe/ledger.hpp"
#include "services/keeper.hpp"

/// What is kept of what was decided outside the guests' machines.
namespace steward {

void keeper::note(decision d) const {
    if (world_.book == nullptr) return;
    d.when = world_.time.wall_now();
    if (cluster_ != nullptr && d.epoch == 0) d.epoch = cluster_->state().epoch;
    world_.book->add(std::move(d));
}

void keeper::note_order(const std::string& what, std::string about, std::string by, const result<void>& answer) {
    decision d;
    d.about = std::move(about);
    d.kind = "order";
    d.verdict = answer ? "accepted" : "refused";
    d.by = std::move(by);
    d.code = what;
    if (!answer) d.text = answer.error().text();
    note(std::move(d));
}

}  // namespace steward
