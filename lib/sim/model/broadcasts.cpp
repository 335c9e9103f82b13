#include "sim/model/broadcasts.hpp"

namespace steward::sim {

namespace {

constexpr duration life = std::chrono::seconds(300);

const guest_report* find_in(const node_report* report, vmid id) {
    if (report == nullptr) return nullptr;
    const auto found = report->guests.find(id.number());
    return found == report->guests.end() ? nullptr : &found->second;
}

}  // namespace

void broadcasts::deliver(std::size_t sender, node_set to, std::shared_ptr<const node_report> report) {
    for (std::size_t receiver = 0; receiver < heard_.size(); ++receiver)
        if (holds(to, receiver)) heard_[receiver][sender] = report;
}

void broadcasts::forget_all(std::size_t receiver) {
    for (auto& report : heard_[receiver]) report.reset();
}

const node_report* broadcasts::of_node(std::size_t receiver, std::size_t about, time_point now) const {
    const auto& report = heard_[receiver][about];
    return report && now - report->at <= life ? report.get() : nullptr;
}

std::pair<const guest_report*, time_point> broadcasts::of_guest(std::size_t receiver, std::size_t home, vmid id,
                                                                time_point now) const {
    const node_report* newest = of_node(receiver, home, now);
    const guest_report* found = find_in(newest, id);
    if (found != nullptr) return {found, newest->at};
    // Moved a moment ago: what its old home said still stands.
    for (std::size_t sender = 0; sender < heard_.size(); ++sender) {
        const node_report* report = of_node(receiver, sender, now);
        const guest_report* here = find_in(report, id);
        if (here == nullptr || (found != nullptr && report->at <= newest->at)) continue;
        found = here;
        newest = report;
    }
    if (found == nullptr) return {nullptr, time_point{}};
    return {found, newest->at};
}

}  // namespace steward::sim
