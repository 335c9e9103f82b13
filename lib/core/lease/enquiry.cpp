#include "core/lease/enquiry.hpp"

#include <algorithm>

namespace steward::lease {

void enquiry::ask(std::uint64_t epoch, const std::vector<guest_id>& in_doubt) {
    if (current_.epoch != epoch) {
        current_ = {epoch, 0};
        since_.clear();
    }
    std::erase_if(since_, [&](const auto& known) {
        return std::find(in_doubt.begin(), in_doubt.end(), known.first) == in_doubt.end();
    });
    const question next{epoch, current_.number + 1};
    for (const guest_id g : in_doubt) {
        if (since_.size() >= most || !since_.try_emplace(g, next).second) continue;
        current_ = next;
    }
}

std::vector<guest_id> enquiry::asked() const {
    std::vector<guest_id> all;
    for (const auto& [guest, since] : since_) all.push_back(guest);
    return all;
}

std::optional<question> enquiry::next(std::uint64_t epoch) const {
    if (current_.epoch != epoch) return question{epoch, 1};
    if (since_.size() >= most) return std::nullopt;
    return question{epoch, current_.number + 1};
}

std::optional<question> enquiry::first_asked(guest_id guest) const {
    const auto found = since_.find(guest);
    if (found == since_.end()) return std::nullopt;
    return found->second;
}

}  // namespace steward::lease
