#include "commands.hpp"

#include <algorithm>
#include <numeric>

namespace steward::cli {
namespace {

/// How many letters are to be put in, left out or changed.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t corner = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
            corner = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row.back();
}

std::vector<command> put_together() {
    std::vector<command> all;
    for (auto part : {guest_commands, cluster_commands, backup_commands, api_commands, setup_commands})
        for (command& c : part()) all.push_back(std::move(c));
    return all;
}

}  // namespace

const std::vector<command>& all_commands() {
    static const std::vector<command> all = put_together();
    return all;
}

const command* find_command(std::string_view first, std::string_view second) {
    const command* by_default = nullptr;
    for (const command& c : all_commands()) {
        if (first_word(c) != first) continue;
        if (second_word(c).empty() || second_word(c) == second) return &c;
        if (c.is_default && second.empty()) by_default = &c;
    }
    return by_default;
}

std::vector<const command*> group(std::string_view first) {
    std::vector<const command*> members;
    for (const command& c : all_commands())
        if (first_word(c) == first && !second_word(c).empty()) members.push_back(&c);
    return members;
}

const option* find_any_option(std::string_view name) {
    for (const command& c : all_commands())
        if (const option* o = find_option(c, name)) return o;
    return nullptr;
}

std::string closest(std::string_view word, const std::vector<std::string_view>& known) {
    constexpr std::size_t too_far = 3;
    std::string best;
    std::size_t nearest = std::min(too_far, word.size() / 2 + 1);
    for (const std::string_view k : known) {
        const std::size_t here = distance(word, k);
        if (here >= nearest) continue;
        nearest = here;
        best = k;
    }
    return best;
}

}  // namespace steward::cli
